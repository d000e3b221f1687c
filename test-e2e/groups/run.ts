/**
 * One group under test. All members use the same client. Starts the members, monitors the committed offsets,
 * and waits until the group has settled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import type { WrittenRecords } from '../soak/recorded.ts';
import type { GroupHistory } from './judge.ts';
import { Member } from './member.ts';
import type { MemberSettings } from './member-lines.ts';
import { Monitor } from './monitor.ts';
import { nameOf, programOf, type Variant } from './variants.ts';

const POLL_MS = 20;
/** A group has settled when its members have kept their partitions for this time. */
const STABLE_MS = 700;

export interface RunSettings {
  readonly bootstrapServers: string;
  readonly group: string;
  readonly topic: string;
  readonly partitions: number;
  readonly sessionMs: number;
  readonly settleLimitMs: number;
}

export class GroupRun {
  readonly variant: Variant;
  readonly settings: RunSettings;
  readonly members: Member[] = [];
  partitions: number;
  readonly #program: readonly [string, readonly string[]];
  readonly #monitor: Monitor;

  static async create(variant: Variant, settings: RunSettings): Promise<GroupRun> {
    return new GroupRun(variant, settings, await programOf(variant));
  }

  private constructor(
    variant: Variant,
    settings: RunSettings,
    program: readonly [string, readonly string[]],
  ) {
    this.variant = variant;
    this.settings = settings;
    this.partitions = settings.partitions;
    this.#program = program;
    this.#monitor = new Monitor(settings.bootstrapServers, settings.group, settings.topic);
  }

  get name(): string {
    return nameOf(this.variant);
  }

  get live(): Member[] {
    return this.members.filter(({ isLive }) => isLive);
  }

  start(instance?: string): Member {
    const { bootstrapServers, group, topic, sessionMs } = this.settings;
    const { protocol, assignor } = this.variant;
    const settings: MemberSettings = {
      bootstrap: bootstrapServers,
      group,
      topic,
      protocol,
      assignor,
      ...(instance === undefined ? {} : { instance }),
      sessionMs,
      heartbeatMs: 300,
      rebalanceMs: Math.max(sessionMs, 10_000),
      commitMs: 200,
    };
    const member = new Member(`member ${this.members.length + 1}`, settings, this.#program);
    this.members.push(member);
    return member;
  }

  /**
   * Waits until the group has settled. Then the live members own every partition, the numbers of their
   * partitions differ by at most one, and no live member has got or lost partitions for `STABLE_MS`. In
   * addition, since `sinceMs` and since it got the partition, each owner of a partition has processed a
   * record of the partition and has committed. Returns the time from `sinceMs` until a live member last got
   * or lost partitions.
   */
  async settle(what: string, sinceMs = Date.now()): Promise<number> {
    const started = Date.now();
    const deadline = started + this.settings.settleLimitMs;
    let missing = this.#unsettled(sinceMs);
    while (missing !== undefined) {
      const dead = this.members.find((member) => member.isLive && member.hasEnded);
      if (dead !== undefined) throw new Error(`${what}: ${dead.name} ended: ${dead.lastWords()}`);
      if (Date.now() > deadline) {
        const words = this.members.map((member) => `${member.name}: ${member.lastWords()}`).join('\n');
        throw new Error(
          `${what}: not settled within ${this.settings.settleLimitMs} ms: ${missing}\n${words}`,
        );
      }
      await sleep(POLL_MS);
      missing = this.#unsettled(sinceMs);
    }
    return Math.max(0, Math.max(...this.live.map(({ changedMs }) => changedMs)) - sinceMs);
  }

  /** Why the group has not settled; undefined when it has. */
  #unsettled(sinceMs: number): string | undefined {
    const { live } = this;
    const counts = live.map(({ owned }) => owned.size);
    const owners = new Map(
      live.flatMap((member) => [...member.owned.keys()].map((p) => [p, member] as const)),
    );
    const shown = live.map(
      ({ name, owned }) => `${name} owns ${[...owned.keys()].sort((a, b) => a - b).join() || 'none'}`,
    );
    if (owners.size !== this.partitions || counts.reduce((a, b) => a + b, 0) !== this.partitions)
      return shown.join('; ');
    if (Math.max(...counts) - Math.min(...counts) > 1) return `unbalanced: ${shown.join('; ')}`;
    const changed = Math.max(...live.map(({ changedMs }) => changedMs));
    if (Date.now() - changed < STABLE_MS) return `changed ${Date.now() - changed} ms ago`;
    for (const [partition, member] of owners) {
      const since = Math.max(sinceMs, member.owned.get(partition) ?? 0);
      if ((member.read.get(partition)?.t ?? 0) <= since)
        return `${member.name} reads nothing of partition ${partition}`;
      if ((member.committed.get(partition)?.t ?? 0) <= since)
        return `${member.name} commits nothing of partition ${partition}`;
    }
    return undefined;
  }

  /**
   * Waits until the live members have committed the end of every partition. `ends`: for each partition, the
   * offset after its last record.
   */
  async drain(ends: readonly number[]): Promise<void> {
    const deadline = Date.now() + this.settings.settleLimitMs;
    const behind = () =>
      ends.flatMap((end, partition) => {
        const committed = Math.max(
          0,
          ...this.live.map((member) => member.committed.get(partition)?.offset ?? 0),
        );
        return committed < end ? [`${partition}: ${committed} of ${end}`] : [];
      });
    while (behind().length > 0) {
      if (Date.now() > deadline) {
        const words = this.members.map((member) => `${member.name}: ${member.lastWords()}`).join('\n');
        throw new Error(`not drained: partition ${behind().join(', ')}\n${words}`);
      }
      await sleep(POLL_MS);
    }
  }

  /**
   * Makes all live members leave at the same time. Then another client reads the committed offsets. Returns
   * the history for the judge. `gapMaxMs`: the longest time that may pass between two readings of the
   * monitor.
   */
  async finish(written: readonly ReadonlyMap<number, number>[], gapMaxMs: number): Promise<GroupHistory> {
    await Promise.all(this.live.map((member) => member.stop()));
    await this.#monitor.stop();
    const { startedMs, stoppedMs = Date.now() } = this.#monitor;
    return {
      partitions: this.partitions,
      written,
      members: this.members.map(({ name, lines, endedMs, pauses }) => ({ name, lines, endedMs, pauses })),
      readings: this.#monitor.readings,
      monitored: { fromMs: startedMs, toMs: stoppedMs, gapMaxMs },
      final: await this.#committed(),
    };
  }

  async #committed(): Promise<Map<number, number>> {
    const { bootstrapServers, group, topic } = this.settings;
    const retry = { retries: 20, initialRetryTime: 100, maxRetryTime: 500 };
    const admin = new Kafka({
      brokers: bootstrapServers.split(','),
      logLevel: logLevel.NOTHING,
      retry,
    }).admin();
    await admin.connect();
    try {
      const found = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      return new Map(
        found.flatMap(({ partitions }) => partitions.map((p) => [p.partition, Number(p.offset)])),
      );
    } finally {
      await admin.disconnect();
    }
  }

  /** Kills every member that still runs, and stops the monitor. */
  async abandon(): Promise<void> {
    await Promise.all(this.members.filter(({ hasEnded }) => !hasEnded).map((member) => member.kill()));
    await this.#monitor.stop();
  }
}

/**
 * By partition: the offset and the number of each acknowledged record. Each writer has sent record n to the
 * partition n % `partitions`, with the writer's own `partitions`.
 */
export function writtenByPartition(
  partitions: number,
  writers: readonly { readonly partitions: number; readonly written: WrittenRecords }[],
): Map<number, number>[] {
  const all = Array.from({ length: partitions }, () => new Map<number, number>());
  for (const writer of writers) {
    writer.written.records.forEach(({ offset }, n) => {
      if (offset !== undefined) all[n % writer.partitions]!.set(offset, n);
    });
  }
  return all;
}

export function endsOf(written: readonly ReadonlyMap<number, number>[]): number[] {
  return written.map((records) => {
    let end = 0;
    for (const offset of records.keys()) end = Math.max(end, offset + 1);
    return end;
  });
}
