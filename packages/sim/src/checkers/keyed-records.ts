/**
 * The latest committed record of each key of a partition, and the tombstones that brokers may have dropped.
 * A broker drops a tombstone in the first cleaning after its delete horizon, which is `delete.retention.ms`
 * later than the first cleaning of the tombstone. The first cleaning comes after the commit. So if the wall
 * clocks of all brokers since the commit show less time than each `delete.retention.ms` that a replica has
 * had since then, no broker can have dropped the tombstone.
 */
import type { Millis, Offset } from '@millrace/base';
import { type CompressionCodecs, type Record as ReadRecord, readRecords } from '@millrace/protocol';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import type { Micros, World } from '../world/index.ts';
import { keyText } from './compacted-batch.ts';
import type { Ledger, PartitionLedger } from './ledger.ts';
import type { LogBatch } from './log-reading.ts';
import type { HostedReplica, ReplicaWatcher } from './replica-walk.ts';
import { WallClocks } from './wall-clocks.ts';

export interface Latest {
  readonly offset: Offset;
  readonly isTombstone: boolean;
}

interface Known {
  readonly latest: Map<string, Latest>;
  /** How many batches of the ledger `latest` covers, and how many `fill` had put there before. */
  batches: number;
  fills: number;
  /** Each offset that the committed end has reached, and when. Both ascend. */
  readonly commits: { readonly end: Offset; readonly atUs: Micros }[];
  readonly retentions: Retention[];
}

/** A replica had this `delete.retention.ms` from `fromUs` to `toUs`. */
interface Retention {
  readonly retentionMs: Millis;
  readonly fromUs: Micros;
  toUs: Micros;
}

export class KeyedRecords implements ReplicaWatcher {
  private readonly clocks = new WallClocks();
  private readonly known = new Map<PartitionLedger, Known>();
  /** The last entry of each replica that is open. */
  private readonly present = new Map<Partition, Retention>();
  private readonly world: World;
  private readonly ledger: Ledger;
  private codecs: CompressionCodecs | undefined;

  constructor(world: World, ledger: Ledger) {
    this.world = world;
    this.ledger = ledger;
    ledger.watchers.push((moved) => {
      this.of(moved).commits.push({ end: moved.committedEnd, atUs: world.nowUs });
    });
  }

  turn(node: SimNode): void {
    this.clocks.turn(node, this.world.nowUs);
    this.codecs ??= node.roles?.broker?.replicas.options.codecs;
  }

  replicaMoved({ replica }: HostedReplica): void {
    this.noteRetention(replica);
  }

  replicaClosed({ replica }: HostedReplica): void {
    const last = this.present.get(replica);
    if (last !== undefined) last.toUs = this.nowUs;
    this.present.delete(replica);
  }

  get nowUs(): Micros {
    return this.world.nowUs;
  }

  /** Notes the present `delete.retention.ms` of a replica. */
  noteRetention(replica: Partition): void {
    const { deleteRetentionMs: retentionMs } = replica.log.config;
    const last = this.present.get(replica);
    if (last?.retentionMs === retentionMs) return;
    if (last !== undefined) last.toUs = this.nowUs;
    const next = { retentionMs, fromUs: this.nowUs, toUs: Number.POSITIVE_INFINITY };
    this.present.set(replica, next);
    this.of(this.ledger.of(replica)).retentions.push(next);
  }

  /** By key, as `keyText` writes it. Does not know the records that the ledger lacks. */
  latestOf(ledger: PartitionLedger): ReadonlyMap<string, Latest> {
    const known = this.of(ledger);
    if (known.fills !== ledger.fills) known.batches = 0;
    known.fills = ledger.fills;
    for (; known.batches < ledger.batches.length; known.batches++)
      for (const { offset, key, value } of readRecords(ledger.batches[known.batches]!.bytes, this.codecs!)) {
        const name = keyText(key);
        if ((known.latest.get(name)?.offset ?? -1) < offset)
          known.latest.set(name, { offset, isTombstone: value === null });
      }
    return known.latest;
  }

  /** The records of a committed batch that no cleaning can have dropped before `byUs`. */
  stayingIn(ledger: PartitionLedger, batch: LogBatch, byUs: Micros): ReadRecord[] {
    const latest = this.latestOf(ledger);
    return [...readRecords(batch.bytes, this.codecs!)].filter(({ offset, key, value }) => {
      if ((latest.get(keyText(key))?.offset ?? offset) > offset) return false;
      return value !== null || !this.mayBeDropped(ledger, offset, byUs);
    });
  }

  /** Whether a broker may have dropped the tombstone at this offset before `byUs`. */
  mayBeDropped(ledger: PartitionLedger, offset: Offset, byUs: Micros): boolean {
    const committedUs = this.committedUs(ledger, offset);
    if (committedUs > byUs) return false;
    return this.clocks.longestMs(committedUs, byUs) >= this.shortestRetentionMs(ledger, committedUs, byUs);
  }

  /** The shortest `delete.retention.ms` that any replica had at a time from `fromUs` to `toUs`. */
  private shortestRetentionMs(ledger: PartitionLedger, fromUs: Micros, toUs: Micros): Millis {
    const had = this.of(ledger).retentions.filter((one) => one.fromUs <= toUs && one.toUs >= fromUs);
    return Math.min(Number.POSITIVE_INFINITY, ...had.map(({ retentionMs }) => retentionMs));
  }

  /** When the record was committed. Infinity: not yet. */
  committedUs(ledger: PartitionLedger, offset: Offset): Micros {
    const { commits } = this.of(ledger);
    let low = 0;
    let high = commits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (commits[middle]!.end <= offset) low = middle + 1;
      else high = middle;
    }
    return commits[low]?.atUs ?? Number.POSITIVE_INFINITY;
  }

  private of(ledger: PartitionLedger): Known {
    let known = this.known.get(ledger);
    if (known === undefined) {
      known = { latest: new Map(), batches: 0, fills: 0, commits: [], retentions: [] };
      this.known.set(ledger, known);
    }
    return known;
  }
}
