/** The comparison: sends every case to Millrace and to Apache Kafka, and marks the justified differences. */
import { type AnyApi, apis } from '@millrace/protocol';
import type { ApiCases } from './cases/api-cases.ts';
import { lanes } from './cases/index.ts';
import { type Difference, differencesOf, fieldOf } from './difference.ts';
import { type Outcome, Side } from './exchange.ts';
import { casesOf, unsupportedCases, type WireCase } from './frames.ts';
import { type Justification, justifications } from './justified.ts';
import { normalised } from './normalise.ts';
import { Stage } from './stage.ts';
import type { World } from './world.ts';

export interface Found extends Difference {
  readonly api: string;
  readonly version: number;
  readonly name: string;
  readonly justification: Justification | undefined;
}

export interface Comparison {
  readonly cases: number;
  readonly found: readonly Found[];
}

export interface Selection {
  /** Kafka's names of the APIs; undefined: all. */
  readonly apis?: readonly string[];
  /** The versions of an API to compare; undefined: all. */
  readonly versions?: (api: AnyApi) => readonly number[];
}

export async function compareWire(ours: World, peer: World, selection: Selection = {}): Promise<Comparison> {
  const done = await Promise.all(lanes.map((lane, i) => compareLane(lane, String(i), ours, peer, selection)));
  if (selection.apis === undefined) done.push(await compareUnsupported(ours, peer));
  return {
    cases: done.reduce((sum, { cases }) => sum + cases, 0),
    found: done.flatMap(({ found }) => found),
  };
}

async function compareLane(
  lane: Readonly<Record<string, ApiCases>>,
  name: string,
  ours: World,
  peer: World,
  selection: Selection,
): Promise<Comparison> {
  const run = new Run(ours, peer, name);
  try {
    for (const [key, cases] of Object.entries(lane)) {
      const api = apis[key as keyof typeof apis] as AnyApi;
      if (selection.apis?.includes(api.name) === false) continue;
      for (const version of selection.versions?.(api) ?? allVersions(api)) {
        await run.compareAll(casesOf(api, version, cases, ours), casesOf(api, version, cases, peer));
      }
    }
    await run.late();
    return { cases: run.cases, found: run.found };
  } finally {
    run.close();
  }
}

async function compareUnsupported(ours: World, peer: World): Promise<Comparison> {
  const run = new Run(ours, peer, 'unsupported');
  try {
    await run.compareAll(unsupportedCases(), unsupportedCases());
    return { cases: run.cases, found: run.found };
  } finally {
    run.close();
  }
}

export function allVersions(api: AnyApi): number[] {
  return Array.from({ length: api.maxVersion - api.minVersion + 1 }, (_, i) => api.minVersion + i);
}

/**
 * The newest version of each form of an API: the last version that is not flexible, and the last flexible
 * one.
 */
export function telltaleVersions({ minVersion, maxVersion, flexibleFrom }: AnyApi): number[] {
  return flexibleFrom > minVersion && flexibleFrom <= maxVersion
    ? [flexibleFrom - 1, maxVersion]
    : [maxVersion];
}

class Run {
  cases = 0;
  readonly found: Found[] = [];
  readonly #ours: Actors;
  readonly #peer: Actors;
  /**
   * The judgements of cases that the peer never answers. They come late, so each of these cases has its own
   * connection to the peer.
   */
  readonly #late: Promise<void>[] = [];

  constructor(ours: World, peer: World, lane: string) {
    this.#ours = actorsOf(ours, lane);
    this.#peer = actorsOf(peer, lane);
  }

  close(): void {
    for (const { side, stage } of [this.#ours, this.#peer]) {
      side.close();
      stage.close();
    }
  }

  async compareAll(ours: readonly WireCase[], peer: readonly WireCase[]): Promise<void> {
    for (const [i, wireCase] of ours.entries()) await this.#compare(wireCase, peer[i]!);
  }

  /** Waits until each case has been judged. Rejects if a judgement failed. */
  async late(): Promise<void> {
    await Promise.all(this.#late);
  }

  async #compare(ours: WireCase, peer: WireCase): Promise<void> {
    this.cases++;
    const left = outcome(ours, this.#ours);
    if (!isPeerSilent(ours)) {
      const [l, r] = await Promise.all([left, outcome(peer, this.#peer)]);
      return this.#judge(ours, l, r);
    }
    const side = new Side(this.#peer.world.bootstrap);
    const right = outcome(peer, { ...this.#peer, side }).finally(() => side.close());
    const judged = Promise.all([left, right]).then(([l, r]) => this.#judge(ours, l, r));
    judged.catch(() => {}); // Ignores the error here, because `late` rejects with it.
    this.#late.push(judged);
    await left;
  }

  #judge({ api, version, name }: WireCase, left: Outcome, right: Outcome): void {
    for (const difference of differencesOf(left, right)) {
      const about = { api: api.name, version, name, ...difference };
      this.found.push({ ...about, justification: justificationOf(about) });
    }
  }
}

/**
 * Whether a justification says that Apache Kafka never answers the case. Then the next case need not wait for
 * the end of this one.
 */
function isPeerSilent({ api, version, name }: WireCase): boolean {
  return justifications.some(
    (one) => one.peer?.source === '^silence$' && isAbout(one, { api: api.name, version, name }),
  );
}

interface Actors {
  readonly world: World;
  readonly stage: Stage;
  readonly side: Side;
}

function actorsOf(world: World, lane: string): Actors {
  return { world, stage: new Stage(world, lane), side: new Side(world.bootstrap) };
}

async function outcome(wireCase: WireCase, { world, stage, side }: Actors): Promise<Outcome> {
  const values = await stage.prepare(wireCase.setUp, wireCase.sharedBy);
  const got = await side.send(wireCase, values);
  if (got.kind !== 'answer') return got;
  return { kind: 'answer', value: normalised(wireCase.api.name, got.value, world, values) };
}

export function justificationOf(found: Omit<Found, 'justification'>): Justification | undefined {
  return justifications.find((one) => {
    const { field, element, ours, peer } = one;
    return (
      isAbout(one, found) &&
      field.test(fieldOf(found.path)) &&
      element?.test(found.path) !== false &&
      isOurs(ours, found) &&
      peer?.test(found.peer) !== false
    );
  });
}

function isAbout(
  { api, versions, cases }: Justification,
  found: Pick<Found, 'api' | 'version' | 'name'>,
): boolean {
  const [min, max] = versions?.split('-').map(Number) ?? [-32768, 32767];
  return (
    (api === undefined || api === found.api) &&
    found.version >= min! &&
    found.version <= max! &&
    cases?.test(found.name) !== false
  );
}

function isOurs(ours: Justification['ours'], { path, ours: answer }: Difference): boolean {
  if (ours === undefined || ours instanceof RegExp) return ours?.test(answer) !== false;
  return ours[fieldOf(path).split('.').at(-1)!] === answer;
}
