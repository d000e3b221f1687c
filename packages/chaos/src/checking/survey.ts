/**
 * The first pass over a history. It notes what the later passes need of the whole history: how large each
 * partition is, which clients wrote to which topics, and how the run ended.
 */
import type { Micros } from '@millrace/checkers';
import { readHistory } from '../history/reader.ts';
import type { HistoryLine, RunFact } from '../types.ts';

export interface SurveyedPartition {
  readonly topic: string;
  readonly partition: number;
  /** How many values and records the history has of the partition. Memory grows with it. */
  weight: number;
  hasFinalRead: boolean;
}

/** A client wrote to a topic. */
export interface WriterSeen {
  readonly client: string;
  readonly topic: string;
  readonly acks: 0 | 1 | -1;
  readonly idempotent: boolean;
}

export interface Survey {
  readonly run: RunFact;
  readonly partitions: ReadonlyMap<string, SurveyedPartition>;
  /** By client and topic. */
  readonly writers: ReadonlyMap<string, WriterSeen>;
  readonly faults: number;
  readonly acknowledged: number;
  readonly readBack: number;
  /** Undefined: the file ends without a line `end`, because the command was killed. */
  readonly end: { readonly atUs: Micros; readonly isComplete: boolean } | undefined;
}

/** The name of a partition. Topic names cannot contain a colon, so no two partitions share a name. */
export function placeKey(topic: string, partition: number): string {
  return `${topic}:${partition}`;
}

export async function survey(file: string): Promise<Survey> {
  const counting = new Counting();
  for await (const line of readHistory(file)) counting.add(line);
  return counting.result();
}

class Counting {
  private run: RunFact | undefined;
  private readonly partitions = new Map<string, SurveyedPartition>();
  private readonly writers = new Map<string, WriterSeen>();
  private faults = 0;
  private acknowledged = 0;
  private readBack = 0;
  private end: Survey['end'];

  add(line: HistoryLine): void {
    switch (line.line) {
      case 'run':
        this.run = line;
        return;
      case 'fault-begins':
        this.faults++;
        return;
      case 'end':
        this.end = line;
        return;
      case 'op':
        this.addOp(line.op);
        return;
      case 'final': {
        const place = this.place(line.topic, line.partition);
        place.weight += line.records.length;
        place.hasFinalRead = true;
        this.readBack += line.records.length;
        return;
      }
      case 'lost-sequence':
      case 'damaged-batch':
        this.place(line.topic, line.partition).weight++;
        return;
      default:
    }
  }

  result(): Survey {
    const { run, partitions, writers, faults, acknowledged, readBack, end } = this;
    return { run: run!, partitions, writers, faults, acknowledged, readBack, end };
  }

  private addOp(op: Extract<HistoryLine, { readonly line: 'op' }>['op']): void {
    if (!('partition' in op)) return;
    const place = this.place(op.topic, op.partition);
    place.weight += op.type === 'poll' ? 1 + op.records.length : 1;
    if (op.type !== 'send') return;
    const { client, topic, acks, idempotent } = op;
    this.writers.set(`${client}:${topic}`, { client, topic, acks, idempotent });
    if (op.outcome === 'ok') this.acknowledged += op.values.length;
  }

  private place(topic: string, partition: number): SurveyedPartition {
    const key = placeKey(topic, partition);
    let found = this.partitions.get(key);
    if (found === undefined) {
      found = { topic, partition, weight: 0, hasFinalRead: false };
      this.partitions.set(key, found);
    }
    return found;
  }
}

/** Divides the partitions into groups of at most this weight. A heavier partition is a group of its own. */
export function groupsOf(
  partitions: Iterable<SurveyedPartition>,
  weightMax: number,
): (readonly SurveyedPartition[])[] {
  const groups: SurveyedPartition[][] = [];
  let weight = 0;
  for (const partition of partitions) {
    if (groups.length === 0 || weight + partition.weight > weightMax) {
      groups.push([]);
      weight = 0;
    }
    groups.at(-1)!.push(partition);
    weight += partition.weight;
  }
  return groups;
}
