/**
 * The contents of every live partition at the end of the run: the leader's log, read through production code
 * and decoded.
 */
import type { LeaderEpoch, Offset } from '@millrace/base';
import { type BatchHeader, NO_TIMESTAMP, readRecords, type Timestamp } from '@millrace/protocol';
import type { SimCluster } from '../cluster/index.ts';
import { readBatches } from './log-reading.ts';

export interface FinalRecord {
  readonly offset: Offset;
  readonly value: string;
  readonly leaderEpoch: LeaderEpoch;
}

export interface FinalLog {
  readonly topic: string;
  readonly partition: number;
  readonly headers: readonly BatchHeader[];
  /** The largest timestamp of each batch, from its records. */
  readonly largestTimestamps: readonly Timestamp[];
  readonly records: readonly FinalRecord[];
}

export class FinalLogs {
  private readonly read: () => FinalLog[];
  private all: FinalLog[] | undefined;
  private byName: Map<string, FinalLog> | undefined;

  /** Calls `read` once, at the first use. */
  constructor(read: () => FinalLog[]) {
    this.read = read;
  }

  list(): readonly FinalLog[] {
    this.all ??= this.read();
    return this.all;
  }

  /** Undefined: the partition no longer exists. */
  of(topic: string, partition: number): FinalLog | undefined {
    this.byName ??= new Map(this.list().map((log) => [`${log.topic}-${log.partition}`, log]));
    return this.byName.get(`${topic}-${partition}`);
  }
}

/**
 * The logs of all leaders, up to their ends. Leaves out partitions without a running leader; a log that
 * cannot be read is empty.
 */
export function readFinalLogs(cluster: SimCluster): FinalLog[] {
  const logs: FinalLog[] = [];
  for (const { topicId, topic, partition, image } of cluster.partitions()) {
    const leader = cluster.node(image.leader);
    const replica = leader === undefined ? undefined : cluster.replica(leader, topicId, partition);
    const broker = leader?.roles?.broker;
    if (leader === undefined || replica === undefined || broker === undefined) continue;
    const { log } = replica;
    const batches = readBatches(leader, log, log.startOffset, log.endOffset) ?? [];
    const records: FinalRecord[] = [];
    const largestTimestamps: Timestamp[] = [];
    for (const { header, bytes } of batches) {
      let largest: Timestamp = NO_TIMESTAMP;
      for (const { offset, value, timestamp } of readRecords(bytes, broker.replicas.options.codecs)) {
        records.push({ offset, value: sentValue(value), leaderEpoch: header.leaderEpoch });
        if (timestamp > largest) largest = timestamp;
      }
      largestTimestamps.push(largest);
    }
    const headers = batches.map(({ header }) => header);
    logs.push({ topic, partition, headers, largestTimestamps, records });
  }
  return logs;
}

/** The value without the padding after the first space. */
function sentValue(bytes: Uint8Array | null): string {
  const text = bytes === null ? '' : TEXT.decode(bytes);
  const space = text.indexOf(' ');
  return space < 0 ? text : text.slice(0, space);
}

const TEXT = new TextDecoder();
