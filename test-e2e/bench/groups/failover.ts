/**
 * The section `failover`: kills the broker that coordinates every group with kill -9, while the members send
 * heartbeats and commits. A group counts as continued when the new coordinator has answered a heartbeat of
 * each member, and a commit of one member, without an error. The section measures the times for heartbeats
 * and for commits separately, because a coordinator that still loads may accept heartbeats.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../lib/cluster.ts';
import { median } from '../../lib/table.ts';
import { partitionsOf } from '../../lib/wire.ts';
import type { Group, Protocol } from './group.ts';
import type { Measure } from './judge.ts';
import { PacedLoad, sendCommit, sendHeartbeat } from './load.ts';
import { brokersOf, megabytes, printTroubles, worldOptions } from './measuring.ts';
import type { Member } from './member.ts';
import { MEMORY_LIMIT_MB } from './memory.ts';
import type { Sizes } from './options.ts';
import { until, World } from './world.ts';

const AFTER_MS = 2000;
const GO_ON_LIMIT_MS = 90_000;
const GO_ON_GOAL_MS = 2000;
const QUIET_MS = 1000;
const ISR_LIMIT_MS = 90_000;
const REPLICAS = 3;

export async function failover(cluster: Cluster, protocol: Protocol, sizes: Sizes): Promise<Measure[]> {
  const world = await World.create(cluster, worldOptions(`failover-${protocol}`, protocol, sizes));
  try {
    world.driveMs = undefined;
    const loads = [
      new PacedLoad(world.members, sizes.heartbeatMs, sendHeartbeat),
      new PacedLoad(world.members, sizes.commitMs, sendCommit),
    ];
    // The rates of the load are fixed, so before the kill the logs of both contenders have about the same
    // length.
    await sleep(sizes.beforeKillMs);
    await untilInSync(cluster);
    const victim = busiestCoordinator(world);
    const thrownOutBefore = world.thrownOut;
    const rebalancesBefore = world.rebalances;
    const killedAt = Date.now();
    const recovery = new Recovery(world, victim);
    world.fleet.killed(victim);
    await cluster.kill(victim);
    const isDone = await until(() => recovery.isDone, GO_ON_LIMIT_MS);
    await sleep(AFTER_MS);
    for (const load of loads) load.stop();
    await sleep(QUIET_MS);
    if (!isDone)
      process.stdout.write(`  ${recovery.left} groups do not continue within ${GO_ON_LIMIT_MS} ms\n`);
    printTroubles(world);
    const { checked, lost } = await world.checkOffsets();
    const survivors = (await brokersOf(cluster)).filter(({ id }) => id !== victim);
    const title = (what: string) => `${protocol}, failover: ${what}`;
    const lower = (what: string, unit: string, value: number, more: Partial<Measure> = {}): Measure => ({
      title: title(what),
      unit,
      value,
      better: 'lower',
      ...more,
    });
    const goal = { isJudged: true, limit: GO_ON_GOAL_MS };
    const heartbeats = recovery.times('heartbeats');
    const commits = recovery.times('commits');
    const loaded = loadsAfter(
      cluster,
      survivors.map(({ id }) => id),
      killedAt,
    );
    return [
      { title: title('groups of the killed coordinator'), unit: '', value: recovery.size, better: 'higher' },
      lower('time until every group has a coordinator', 'ms', Math.max(...recovery.times('lookups'))),
      lower('time until a group has heartbeats, median', 'ms', median(heartbeats)),
      lower('time until every group has heartbeats', 'ms', Math.max(...heartbeats), goal),
      lower('time until a group commits, median', 'ms', median(commits)),
      lower('time until every group commits', 'ms', Math.max(...commits), goal),
      lower('members thrown out', '', world.thrownOut - thrownOutBefore, { limit: 0 }),
      lower('members told to join again', '', world.rebalances - rebalancesBefore, { limit: 0 }),
      { title: title('offsets compared'), unit: '', value: checked, better: 'higher' },
      lower('offsets lost or wrong', '', lost, { limit: 0 }),
      ...(loaded === undefined
        ? []
        : [
            lower('longest load of a partition', 'ms', loaded.longestMs),
            lower('records loaded', '', loaded.records),
          ]),
      lower(
        'memory of the largest new coordinator',
        'MB',
        Math.max(...survivors.map(({ pid }) => megabytes(pid, 'VmRSS'))),
        { limit: MEMORY_LIMIT_MB },
      ),
    ];
  } finally {
    world.close();
  }
}

/**
 * The broker that coordinates the most groups. On a busy machine, the first coordinator of all groups may
 * have lost some of them.
 */
function busiestCoordinator(world: World): number {
  const byBroker = Map.groupBy(world.list, ({ coordinator }) => coordinator ?? -1);
  const [[victim, groups]] = [...byBroker].sort(([, a], [, b]) => b.length - a.length) as [[number, Group[]]];
  if (groups.length < world.groups)
    process.stdout.write(`  only ${groups.length} groups are still with one coordinator before the kill\n`);
  return victim;
}

/** Starts the killed broker again and waits until it is in every ISR. */
export async function restore(cluster: Cluster): Promise<void> {
  await cluster.startAll();
  await untilInSync(cluster);
}

async function untilInSync({ bootstrapServers }: Cluster): Promise<void> {
  const deadline = performance.now() + ISR_LIMIT_MS;
  while (true) {
    const partitions = await partitionsOf(bootstrapServers, '__consumer_offsets');
    if (partitions.every(({ isr }) => isr.length === REPLICAS)) return;
    if (performance.now() > deadline) throw new Error('a replica of __consumer_offsets stays out of sync');
    await sleep(100);
  }
}

type Kind = 'lookups' | 'heartbeats' | 'commits';

/** Measures the times after which groups continue, counted from the creation of this object. */
class Recovery {
  readonly #startMs = performance.now();
  /**
   * For each group that the killed broker coordinated: the members whose heartbeat the new coordinator has
   * not answered yet.
   */
  readonly #silent: Map<Group, Set<Member>>;
  readonly #times: Record<Kind, Map<Group, number>> = {
    lookups: new Map(),
    heartbeats: new Map(),
    commits: new Map(),
  };

  constructor(world: World, victim: number) {
    const killed = world.list.filter(({ coordinator }) => coordinator === victim);
    this.#silent = new Map(killed.map((group) => [group, new Set(group.members)]));
    world.heartbeatAnswered = (member, broker) => {
      if (broker === victim) return;
      const silent = this.#silent.get(member.group);
      silent?.delete(member);
      if (silent?.size === 0) this.#note('heartbeats', member.group);
    };
    world.coordinatorFound = (group) => this.#note('lookups', group);
    world.committed = (member, broker) => {
      if (broker !== victim) this.#note('commits', member.group);
    };
  }

  /** The number of groups that the killed broker coordinated. */
  get size(): number {
    return this.#silent.size;
  }

  get isDone(): boolean {
    return this.left === 0;
  }

  /** A lower bound for the number of groups that do not continue yet. 0: all groups continue. */
  get left(): number {
    const { heartbeats, commits } = this.#times;
    return this.#silent.size - Math.min(heartbeats.size, commits.size);
  }

  /**
   * For each group, the time after which it continued. If a group does not continue yet: the time until now.
   */
  times(kind: Kind): number[] {
    const nowMs = performance.now() - this.#startMs;
    return [...this.#silent.keys()].map((group) => this.#times[kind].get(group) ?? nowMs);
  }

  #note(kind: Kind, group: Group): void {
    const times = this.#times[kind];
    if (this.#silent.has(group) && !times.has(group)) times.set(group, performance.now() - this.#startMs);
  }
}

/**
 * Reads the events `coordinator-loaded` that Millrace has logged since `wallMs`. Undefined: there are none,
 * because the product is not Millrace or no broker has loaded a partition.
 */
function loadsAfter(
  cluster: Cluster,
  brokers: readonly number[],
  wallMs: number,
): { longestMs: number; records: number } | undefined {
  const files = brokers.map((id) => join(cluster.folder ?? '', 'data', `node-${id}`, 'node.log'));
  const lines = files
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const loads = lines
    .filter((line) => line.includes('"coordinator-loaded"'))
    .map((line) => JSON.parse(line) as { time: string; durationMs: number; records: number })
    .filter(({ time }) => Date.parse(time) >= wallMs);
  if (loads.length === 0) return undefined;
  return {
    longestMs: Math.max(...loads.map(({ durationMs }) => durationMs)),
    records: loads.reduce((sum, { records }) => sum + records, 0),
  };
}
