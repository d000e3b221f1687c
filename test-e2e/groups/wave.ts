/**
 * A wave runs one group for each variant (variants.ts) on one topic. A writer sends records during the whole
 * wave. After the event `grow`, a second writer sends records to all partitions, including the new ones. Each
 * event happens in all groups at the same time. If a group fails, the other groups continue.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../lib/cluster.ts';
import { cacheFolder } from '../lib/paths.ts';
import { createTopic, deleteTopic, growTopic } from '../lib/wire.ts';
import { RunningWriter } from '../soak/writers.ts';
import { type Applied, applyToMembers, GROWN_PARTITIONS, startMembers } from './events.ts';
import { excusedChecks } from './excuses.ts';
import { changedIn, type GroupHistory, gapsOfUnmoved, judge } from './judge.ts';
import { couldStay, type Kept } from './kept.ts';
import { coordinatorOf } from './monitor.ts';
import { endsOf, GroupRun, writtenByPartition } from './run.ts';
import { commitWithoutMember } from './simple-commit.ts';
import { type EventName, nameOf, type Variant } from './variants.ts';

export const PARTITIONS = 12;
const QUIET_MS = 2000;
const STATIC_SESSION_MS = 20_000;
/** The time between two records of a writer. So each of the 12 partitions gets a record every 120 ms. */
const PACE_MS = 10;
/**
 * The longest time that may pass between two readings of the monitor. It is long, because one of the
 * monitor's requests may time out, and the machine may be busy.
 */
const READING_GAP_MAX_MS = 5000;
/**
 * After the kill of a coordinator, another broker may need this time to become the coordinator and to load
 * the group.
 */
const FAILOVER_MAX_MS = 15_000;

export interface WaveOptions {
  readonly cluster: Cluster;
  readonly variants: readonly Variant[];
  /**
   * The events happen one after the other. `grow` and `coordinator` must each be the only event of a wave.
   */
  readonly events: readonly EventName[];
  readonly sessionMs: number;
  readonly settleLimitMs: number;
  readonly quietMs?: number;
  readonly progress?: (text: string) => void;
  /** Gets every line of every member, to examine a failure. */
  readonly dump?: (name: string, lines: readonly string[]) => void;
}

export interface Outcome {
  readonly variant: Variant;
  readonly joinedMs: number;
  readonly applied: readonly Applied[];
  readonly processed: number;
  /**
   * `quietGapMs`: the longest pause of a partition before the first event. `gaps`: for each event, the number
   * of partitions that did not move, and their longest pause.
   */
  readonly quietGapMs: number;
  readonly gaps: readonly Kept[];
  readonly violations: readonly string[];
}

interface State {
  readonly run: GroupRun;
  joinedMs: number;
  quietFromMs: number;
  applied: Applied[];
  failure: string | undefined;
}

let waves = 0;

export async function runWave(options: WaveOptions): Promise<Outcome[]> {
  const { cluster, events } = options;
  const servers = cluster.bootstrapServers;
  const id = `${events.join('-')}-${process.pid}-${++waves}`;
  const topic = `groups-${id}`;
  const folder = mkdtempSync(join(cacheFolder('work'), 'groups-'));
  const brokers = (await cluster.nodes()).filter(({ role }) => role === 'broker');
  await createTopic(servers, { name: topic, partitions: PARTITIONS, replicas: Math.min(3, brokers.length) });
  const writers: { writer: RunningWriter; partitions: number }[] = [];
  const states: State[] = [];
  const write = async (partitions: number, name: string) => {
    const target = { bootstrapServers: servers, topic, partitions };
    const writer = await RunningWriter.start('librdkafka', target, PACE_MS, folder, name);
    writers.push({ writer, partitions });
  };
  try {
    await write(PARTITIONS, 'first');
    let coordinator: number | undefined;
    for (const variant of options.variants) {
      const group = await groupId(servers, `${nameOf(variant).replaceAll(' ', '-')}-${id}`, coordinator);
      // The event kills one broker, which must be the coordinator of every group. So the other groups get ids
      // that have the same coordinator as the id of the first group.
      if (events.includes('coordinator')) coordinator ??= (await coordinatorOf(servers, group)).nodeId;
      if (variant.needsCommits === true) {
        await commitWithoutMember(servers, group, topic, new Array(PARTITIONS).fill(0));
      }
      const settings = { bootstrapServers: servers, group, topic, partitions: PARTITIONS };
      const { settleLimitMs } = options;
      // The program of a static member must start again before the session of the member ends, so that
      // session is longer.
      const sessionMs = events.includes('static') ? STATIC_SESSION_MS : options.sessionMs;
      states.push(fresh(await GroupRun.create(variant, { ...settings, sessionMs, settleLimitMs })));
    }
    await all(states, async (state) => {
      startMembers(state.run, events[0]);
      const started = Date.now();
      await state.run.settle('after the start');
      state.joinedMs = Date.now() - started;
    });
    options.progress?.('joined');
    for (const state of states) state.quietFromMs = Date.now();
    await sleep(options.quietMs ?? QUIET_MS);
    for (const event of events) {
      await apply(event, options, states, { topic, coordinator, write });
      options.progress?.(event);
    }
    const written = writtenByPartition(
      events.includes('grow') ? GROWN_PARTITIONS : PARTITIONS,
      await Promise.all(
        writers.map(async ({ writer, partitions }) => ({ partitions, written: await writer.finish() })),
      ),
    );
    const outcomes = new Map<State, Outcome>();
    const gapMaxMs = READING_GAP_MAX_MS + (events.includes('coordinator') ? FAILOVER_MAX_MS : 0);
    await all(states, async (state) => {
      await state.run.drain(endsOf(written));
      outcomes.set(state, outcomeOf(state, await state.run.finish(written, gapMaxMs)));
    });
    if (coordinator === undefined) await deleteTopic(servers, topic);
    return states.map((state) => outcomes.get(state) ?? failed(state));
  } finally {
    for (const { run } of states) options.dump?.(`${run.settings.group}.txt`, linesOf(run));
    for (const { writer } of writers) writer.kill();
    await Promise.all(states.map(({ run }) => run.abandon()));
    rmSync(folder, { recursive: true, force: true });
  }
}

function fresh(run: GroupRun): State {
  return { run, joinedMs: 0, quietFromMs: 0, applied: [], failure: undefined };
}

/** Does the step for all groups that have not failed. */
async function all(states: readonly State[], step: (state: State) => Promise<void>): Promise<void> {
  await Promise.all(
    states
      .filter(({ failure }) => failure === undefined)
      .map(async (state) => {
        try {
          await step(state);
        } catch (error) {
          state.failure = (error as Error).message;
          await state.run.abandon();
        }
      }),
  );
}

interface World {
  readonly topic: string;
  readonly coordinator: number | undefined;
  readonly write: (partitions: number, name: string) => Promise<void>;
}

async function apply(
  event: EventName,
  options: WaveOptions,
  states: readonly State[],
  world: World,
): Promise<void> {
  if (event !== 'grow' && event !== 'coordinator') {
    await all(states, async (state) => void state.applied.push(await applyToMembers(state.run, event)));
    return;
  }
  const fromMs = Date.now();
  if (event === 'grow') {
    await growTopic(options.cluster.bootstrapServers, world.topic, GROWN_PARTITIONS);
    await world.write(GROWN_PARTITIONS, 'second');
    for (const { run } of states) run.partitions = GROWN_PARTITIONS;
  } else {
    await options.cluster.kill(world.coordinator!);
  }
  await all(states, async (state) => {
    const tookMs = await state.run.settle(`after ${event}`, fromMs);
    state.applied.push({
      event,
      fromMs,
      settledMs: Date.now(),
      tookMs,
      struck: [],
      members: state.run.live.length,
    });
  });
  if (event === 'coordinator') await options.cluster.startAll();
}

/**
 * A group id with this beginning. `coordinator`: the broker that must coordinate the group; undefined: any
 * broker.
 */
async function groupId(servers: string, beginning: string, coordinator: number | undefined): Promise<string> {
  for (let tries = 0; tries < 1000; tries++) {
    const group = `${beginning}-${tries}`;
    const found = await untilFound(servers, group);
    if (coordinator === undefined || found.nodeId === coordinator) return group;
  }
  throw new Error(`no group id found for the coordinator ${coordinator}`);
}

/** The first FindCoordinator creates the offsets topic, so a few tries may fail. */
async function untilFound(servers: string, group: string) {
  for (let tries = 0; ; tries++) {
    try {
      return await coordinatorOf(servers, group);
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  }
}

/** Every line of the members, ordered by time. */
function linesOf(run: GroupRun): string[] {
  return run.members
    .flatMap(({ name, lines }) => lines.map((line) => ({ name, line })))
    .sort((a, b) => a.line.t - b.line.t)
    .map(({ name, line }) => `${name} ${JSON.stringify(line)}`);
}

function outcomeOf(state: State, history: GroupHistory): Outcome {
  const { run, applied } = state;
  const { variant } = run;
  const events = applied.map(({ event }) => event);
  const lines = history.members.flatMap((member) => member.lines);
  const violations = judge(history, excusedChecks(variant.excuses ?? [], events, lines));
  for (const { event, fromMs, settledMs, struck } of applied) {
    if (event !== 'static') continue;
    const changed = changedIn(
      history,
      fromMs,
      settledMs,
      struck.map(({ name }) => name),
    );
    if (changed.length > 0)
      violations.push(`a static member came back, and ${changed.join(' and ')} had a rebalance`);
  }
  const first = applied[0]?.fromMs ?? Date.now();
  const gaps = applied
    .filter(({ event }) => variant.isIncremental && event !== 'coordinator')
    .map(({ event, fromMs, settledMs, members }) => {
      const { partitions, longestMs } = gapsOfUnmoved(history, fromMs, settledMs);
      return {
        event,
        partitions: partitions.length,
        couldStay: couldStay(event, members, PARTITIONS),
        longestMs,
      };
    });
  return {
    variant,
    joinedMs: state.joinedMs,
    applied,
    processed: history.members
      .flatMap(({ lines }) => lines)
      .reduce((sum, line) => sum + (line.e === 'read' ? line.o.length : 0), 0),
    quietGapMs: gapsOfUnmoved(history, state.quietFromMs, first).longestMs,
    gaps,
    violations,
  };
}

function failed({ run, joinedMs, applied, failure }: State): Outcome {
  const violations = [failure ?? 'the run did not end'];
  return { variant: run.variant, joinedMs, applied, processed: 0, quietGapMs: 0, gaps: [], violations };
}
