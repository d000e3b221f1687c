/**
 * Draws the plan of a seed. It has one to five incidents, because state can survive the recovery from an
 * incident: the ELR, checkpoints, old folders, producer states, sessions. The faults of the next incident
 * then meet this state. Some quiet phases are long, so that timers of half a minute and more fire.
 */
import { type Millis, Prng } from '@millrace/base';
import { commonFaults, drawValues, rareFaults, scenarioFaults } from '../faults/index.ts';
import { type Incident, kindNamed, PLAN_FORMAT, type Plan, type PlannedFault } from './plan.ts';

/** Numbers of incidents. One run in twelve has only one. */
const INCIDENTS = [1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 2, 3];
const LASTS_MS: readonly Millis[] = [3_000, 6_000, 10_000, 15_000];
const PAUSES_MS: readonly Millis[] = [300, 800, 2_000];
/** Quiet phases before an incident: most are short. */
const QUIET_MS: readonly Millis[] = [500, 500, 1_000, 2_000, 2_000, 20_000, 45_000];
/** One run in this many has a quiet phase of several minutes. */
const LONG_ONE_IN = 16;
const LONG_MS_MIN: Millis = 300_000;
const LONG_MS_MAX: Millis = 500_000;
/** Each kind of rare fault is part of one incident in this many. */
const RARE_ONE_IN = 10;
/** Each kind of `scenarioFaults` is part of one incident in this many. */
const OF_SCENARIO_ONE_IN = 2;

const one = <T>(random: Prng, list: readonly T[]): T => list[random.below(list.length)]!;

/** The plan of this seed, without overrides. */
export function planOf(seed: number): Plan {
  const random = new Prng(seed).fork('plan');
  const count = one(random, INCIDENTS);
  const longOne = random.below(LONG_ONE_IN) === 0 ? random.below(count) : -1;
  const incidents: Incident[] = [];
  let nextId = 1;
  for (let index = 0; index < count; index++) {
    const incident = drawIncident(random.fork(`incident ${index}`), nextId, index === longOne);
    nextId += incident.faults.length;
    incidents.push(incident);
  }
  const all = incidents.map((incident, index) => {
    const added = drawOfScenario(random.fork(`scenario faults ${index}`), incident.lastsMs, nextId);
    nextId += added.length;
    return { ...incident, faults: [...incident.faults, ...added].sort((a, b) => a.atMs - b.atMs) };
  });
  return { format: PLAN_FORMAT, seed, overrides: {}, incidents: all };
}

function drawIncident(random: Prng, firstId: number, isLate: boolean): Incident {
  const lastsMs = one(random, LASTS_MS);
  const quietMs = isLate ? LONG_MS_MIN + random.below(LONG_MS_MAX - LONG_MS_MIN) : one(random, QUIET_MS);
  const drawn = [...drawCommon(random.fork('common'), lastsMs), ...drawRare(random.fork('rare'), lastsMs)];
  const faults = drawn
    .sort((a, b) => a.atMs - b.atMs)
    .map((fault, index): PlannedFault => ({ id: firstId + index, ...fault }));
  return { quietMs, lastsMs, faults };
}

type Drawn = Omit<PlannedFault, 'id'>;

function drawCommon(random: Prng, lastsMs: Millis): Drawn[] {
  const weights = drawWeights(random);
  const pauseMs = one(random, PAUSES_MS);
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const faults: Drawn[] = [];
  if (total === 0) return faults;
  for (let atMs = 0; ; ) {
    atMs += random.below(2 * pauseMs);
    if (atMs >= lastsMs) return faults;
    const kind = drawKind(random, weights, total);
    faults.push(drawFault(random.fork(`parameters ${faults.length}`), kind, atMs));
  }
}

/**
 * A random subset of the kinds, with random weights (swarm testing): about a quarter, half or four fifths of
 * the common faults.
 */
function drawWeights(random: Prng): Map<string, number> {
  const weights = new Map<string, number>();
  const share = one(random, [250, 500, 800]);
  for (const { name } of commonFaults)
    weights.set(name, random.below(1000) < share ? 1 + random.below(10) : 0);
  return weights;
}

function drawKind(random: Prng, weights: ReadonlyMap<string, number>, total: number): string {
  let left = random.below(total);
  for (const [name, weight] of weights) {
    left -= weight;
    if (left < 0) return name;
  }
  return commonFaults[0]!.name;
}

/** Each kind of rare fault strikes at most once in an incident. */
function drawRare(random: Prng, lastsMs: Millis): Drawn[] {
  return rareFaults.flatMap(({ name }) => {
    const source = random.fork(name);
    return source.below(RARE_ONE_IN) > 0 ? [] : [drawFault(source, name, source.below(lastsMs))];
  });
}

function drawOfScenario(random: Prng, lastsMs: Millis, firstId: number): PlannedFault[] {
  const drawn = scenarioFaults.flatMap(({ name }) => {
    const source = random.fork(name);
    return source.below(OF_SCENARIO_ONE_IN) > 0 ? [] : [drawFault(source, name, source.below(lastsMs))];
  });
  return drawn.map((fault, index): PlannedFault => ({ id: firstId + index, ...fault }));
}

function drawFault(random: Prng, kind: string, atMs: Millis): Drawn {
  return { kind, atMs, parameters: drawValues(kindNamed(kind)!.parameters, random) };
}
