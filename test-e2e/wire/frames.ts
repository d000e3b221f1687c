/**
 * Makes the cases of an API. A case is a whole request as bytes. From a valid request come cases with one
 * mutated field, and cases with an odd header or an odd end.
 */
import { type AnyApi, apis } from '@millrace/protocol';
import type { ApiCases } from './cases/api-cases.ts';
import { mutationsOf } from './mutations.ts';
import { bodyBytes, framed, headerBytes, int, Raw, type RawHeader, type Struct } from './raw.ts';
import type { SetUp } from './set-ups.ts';
import { fillIn, type Values } from './stage.ts';
import type { World } from './world.ts';

export interface WireCase {
  readonly api: AnyApi;
  readonly version: number;
  /** The version in which to decode the answer. */
  readonly answerVersion: number;
  readonly name: string;
  readonly setUp: SetUp;
  /**
   * Cases with the same value of this field and the same set-up share a group. Undefined: the case has its
   * own group.
   */
  readonly sharedBy: string | undefined;
  /** Builds the request. `values`: what the set-up returned. */
  frame(values: Values): Buffer;
}

export const CORRELATION_ID = 0x1234567;
const CUTS = 10;
const STRAY = Buffer.from([0, 0, 7]);
const UNKNOWN_TAGS = [
  { tag: 0, bytes: Buffer.from('zero') },
  { tag: 77, bytes: Buffer.from([1, 2, 3]) },
];

const oddClients: [string, string | null | Raw][] = [
  ['null', null],
  ["''", ''],
  ['ünïcode', 'ünïcode'],
  ['not UTF-8', new Raw(int(2, 2), 0x61, 0xff)],
  ['length -2', new Raw(int(2, -2))],
  ['x*249', 'x'.repeat(249)],
  ['x*1000', 'x'.repeat(1000)],
  ['length 32767', new Raw(int(2, 32767))],
];

/** All cases of one API in one version, as bytes for the cluster that `world` describes. */
export function casesOf(api: AnyApi, version: number, cases: ApiCases, world: World): WireCase[] {
  const found: WireCase[] = [];
  const usual = setUpOf(cases, version);
  const add = (name: string, frame: (values: Values) => Buffer, setUp = usual) =>
    found.push({
      api,
      version,
      answerVersion: version,
      name,
      setUp,
      sharedBy: cases.readsOnly === true ? `${api.name} ${version}` : undefined,
      frame,
    });
  const sound = (): Struct => cases.base(world, version);
  const header = headerOf(api, version);
  const whole = (value: Struct) => (values: Values) =>
    framed(headerBytes(header), bodyBytes(api, version, fillIn(value, values)));
  const headed =
    (head: Buffer, ...end: readonly Buffer[]) =>
    (values: Values) =>
      framed(head, bodyBytes(api, version, fillIn(sound(), values)), ...end);
  add('sound', whole(sound()));
  add('bytes behind the body', headed(headerBytes(header), STRAY));
  for (const [name, clientId] of oddClients)
    add(`client id ${name}`, headed(headerBytes({ ...header, clientId })));
  if (header.tags !== undefined)
    add('unknown tags in the header', headed(headerBytes({ ...header, tags: UNKNOWN_TAGS })));
  for (let part = 0; part < CUTS; part++)
    add(`cut to ${part}/${CUTS}`, (values) => {
      const bytes = whole(sound())(values).subarray(4);
      return framed(bytes.subarray(0, Math.floor((bytes.length * part) / CUTS)));
    });
  add('cut by a byte', (values) => framed(whole(sound())(values).subarray(4, -1)));
  for (const { name, value } of mutationsOf(api, version, sound())) {
    if (cases.leftOut?.test(name) !== true) add(name, whole(value));
  }
  for (const variant of cases.variants ?? []) {
    const base = variant.value(world, version);
    if (base === undefined) continue;
    for (const { name, value } of mutationsOf(api, version, base)) {
      if (cases.leftOut?.test(name) !== true)
        add(`${variant.name}: ${name}`, whole(value), variant.setUp ?? usual);
    }
  }
  for (const special of cases.special ?? []) {
    const value = special.value(world, version);
    if (value !== undefined) add(special.name, whole(value), special.setUp ?? usual);
  }
  return found;
}

function setUpOf({ setUp = 'fresh' }: ApiCases, version: number): SetUp {
  return typeof setUp === 'string' ? setUp : setUp(version);
}

/** Cases with unknown versions, unknown API keys, and frames of odd sizes. */
export function unsupportedCases(): WireCase[] {
  const found: WireCase[] = [];
  const noGroup = { setUp: 'fresh', sharedBy: 'no group' } as const;
  const add = (api: AnyApi, apiKey: number, version: number, name: string, rest = Buffer.alloc(8)) => {
    const fixed = Buffer.concat([int(2, apiKey), int(2, version), int(4, CORRELATION_ID), int(2, -1), rest]);
    found.push({ ...noGroup, api, version, answerVersion: 0, name, frame: () => framed(fixed) });
  };
  for (const api of Object.values(apis) as AnyApi[]) {
    for (const version of [-1, api.minVersion - 1, api.maxVersion + 1, 32767]) {
      if (version < api.minVersion || version > api.maxVersion)
        add(api, api.key, version, `version ${version}`);
    }
  }
  const any = apis.apiVersions as AnyApi;
  for (const key of [-1, 4, 5, 6, 7, 999, 32767, -32768]) add(any, key, 0, `API key ${key}`);
  for (const size of [-1, -2147483648, 0, 1, 7, 104_857_601, 2147483647]) {
    const frame = Buffer.concat([int(4, size), Buffer.alloc(Math.max(0, Math.min(size, 64)))]);
    const name = `frame of ${size} bytes`;
    found.push({ ...noGroup, api: any, version: 0, answerVersion: 0, name, frame: () => frame });
  }
  return found;
}

function headerOf(api: AnyApi, version: number): RawHeader {
  const tags = version >= api.flexibleFrom ? [] : undefined;
  return { apiKey: api.key, version, correlationId: CORRELATION_ID, clientId: 'compare-wire', tags };
}
