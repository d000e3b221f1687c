/** A row of the table of errors: a request, the error that it provokes, and the section with the rule. */
import type { AnyApi, ErrorCode, RequestInputOf, ResponseOf } from '@millrace/protocol';
import type { TestClient } from '../client.ts';
import type { Scene } from './scene.ts';

export type ErrorName = keyof typeof ErrorCode;

/** Sends one request of the row's API and version. By default, `to` is the group's coordinator. */
export type Ask<A extends AnyApi> = (request: RequestInputOf<A>, to?: TestClient) => Promise<ResponseOf<A>>;

export interface Row {
  readonly api: AnyApi;
  readonly version: number;
  readonly situation: string;
  /** NONE: the answer has no error. */
  readonly code: ErrorName;
  /** The path of the field with the error code, without indexes. */
  readonly place: string;
  /** A section of the protocol's reference (`protocol/behaviour.md`). */
  readonly rule: string;
  provoke(scene: Scene): Promise<unknown>;
}

type Specification<A extends AnyApi> = readonly [
  /** '4-9': the test asks in version 4 and in version 9. */
  versions: `${number}-${number}` | `${number}`,
  code: ErrorName,
  rule: string,
  situation: string,
  provoke: (scene: Scene, ask: Ask<A>, version: number) => Promise<ResponseOf<A>>,
  place?: string,
];

export function rowsOf<A extends AnyApi>(api: A, specifications: readonly Specification<A>[]): Row[] {
  return specifications.flatMap(([versions, code, rule, situation, provoke, place]) => {
    const [first, last = first] = versions.split('-').map(Number);
    return [...new Set([first!, last!])].map((version) => ({
      api,
      version,
      situation,
      code,
      place: place ?? placeOf(api.name, version),
      rule,
      provoke: (scene) =>
        provoke(scene, (request, to = scene.client) => to.call(api, version, request), version),
    }));
  });
}

/** The path of the field that has most errors of the API. */
function placeOf(api: string, version: number): string {
  switch (api) {
    case 'FindCoordinator':
      return version < 4 ? 'errorCode' : 'coordinators.errorCode';
    case 'DescribeGroups':
    case 'ConsumerGroupDescribe':
      return 'groups.errorCode';
    case 'DeleteGroups':
      return 'results.errorCode';
    case 'OffsetCommit':
      return 'topics.partitions.errorCode';
    case 'OffsetFetch':
      if (version >= 8) return 'groups.errorCode';
      return version < 2 ? 'topics.partitions.errorCode' : 'errorCode';
    default:
      return 'errorCode';
  }
}

/** Returns each pair of field path and error in an answer, once. */
export function errorsIn(answer: unknown, path: readonly string[] = []): [place: string, code: number][] {
  const found = new Map<string, [string, number]>();
  const add = (entry: [string, number]) => found.set(entry.join(), entry);
  if (Array.isArray(answer)) for (const element of answer) errorsIn(element, path).forEach(add);
  else if (typeof answer === 'object' && answer !== null)
    for (const [key, value] of Object.entries(answer)) {
      const here = [...path, key];
      if (key !== 'errorCode') errorsIn(value, here).forEach(add);
      else if (value !== 0) add([here.join('.'), value as number]);
    }
  return [...found.values()];
}
