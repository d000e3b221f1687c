/** Builds histories by hand, mostly of partition 0 of topic `t`, and passes a history to a checker. */
import type { Uuid } from '@millrace/base';
import type { BatchHeader } from '@millrace/protocol';
import { expect, it } from 'vitest';
import type { HistoryCheckerKind } from '../../src/checker.ts';
import { type FinalLog, FinalLogs, type LogStart } from '../../src/final-logs.ts';
import {
  type AssignOp,
  type CommitOp,
  type FetchOffsetOp,
  type GroupReadOp,
  History,
  type MembershipOp,
  type Op,
  type PollOp,
  type SendOp,
} from '../../src/history.ts';
import { Violation } from '../../src/violation.ts';

export interface End {
  readonly logs?: readonly FinalLog[];
  /** Names or ids of exempt topics. */
  readonly exempt?: readonly string[];
  readonly history?: History;
  readonly mayServeDamage?: boolean;
}

/**
 * Passes the operations to one checker and calls its `finish`. Returns the checker's first violation as
 * `checker: sentence`, or undefined.
 */
export function judge(kind: HistoryCheckerKind, ops: readonly Op[], end: End = {}): string | undefined {
  const { history = new History() } = end;
  const checker = kind.make({
    history,
    finalLogs: new FinalLogs(() => [...(end.logs ?? [])]),
    isExempt: ({ topic, topicId }) =>
      end.exempt?.includes(topic) === true || end.exempt?.includes(topicId ?? topic) === true,
    mayServeDamage: () => end.mayServeDamage === true,
    report: (name, sentence) => {
      throw new Violation(name, sentence);
    },
    count: () => {},
  });
  try {
    for (const op of ops) {
      history.add(op);
      checker.op?.(op);
    }
    checker.finish?.();
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
  return undefined;
}

export type Case = readonly [ops: readonly Op[], end?: End];

/**
 * The checker must report `bad`. It must accept `good`. If the topic is exempt, it must also accept `bad`.
 */
export function itFires(kind: HistoryCheckerKind, bad: Case, good: Case, more: RegExp): void {
  it(`finds: ${more.source}`, () => {
    const found = judge(kind, bad[0], bad[1]);
    expect(found).toMatch(new RegExp(`^${kind.name}: `));
    expect(found).toMatch(more);
    expect(judge(kind, good[0], good[1])).toBeUndefined();
    expect(judge(kind, bad[0], { ...bad[1], exempt: ['t'] })).toBeUndefined();
  });
}

export function send(values: readonly string[], facts: Partial<SendOp> = {}): SendOp {
  return {
    type: 'send',
    client: 'p1',
    topic: 't',
    topicId: undefined,
    partition: 0,
    values,
    mayStray: false,
    acks: -1,
    idempotent: true,
    invokedUs: 0,
    endedUs: 1,
    outcome: 'ok',
    baseOffset: undefined,
    error: undefined,
    ackedBy: 4,
    ...facts,
  };
}

export function poll(
  fetchOffset: number,
  records: readonly (readonly [number, string])[],
  facts: Partial<PollOp> = {},
): PollOp {
  return {
    type: 'poll',
    client: 'q1',
    topic: 't',
    topicId: undefined,
    partition: 0,
    fetchOffset,
    records: records.map(([offset, value]) => ({ offset, value, leaderEpoch: 0 })),
    highWatermark: 1000,
    brokerId: 4,
    endedUs: 2,
    ...facts,
  };
}

export function assign(
  offset: number,
  why: AssignOp['why'] = 'earliest',
  topicId: Uuid | undefined = undefined,
): AssignOp {
  return { type: 'assign', client: 'q1', topic: 't', topicId, partition: 0, offset, why, endedUs: 1 };
}

/** The ids of two topics with the name `t`: OLD was deleted before NEW was created. */
export const OLD = 'AAAAAAAAAAAAAAAAAAAAAQ' as Uuid;
export const NEW = 'AAAAAAAAAAAAAAAAAAAAAg' as Uuid;

/** The log of the topic with this id. */
export function logOf(topicId: Uuid, values: readonly string[]): FinalLog {
  return { ...finalLog(values), topicId };
}

/**
 * A log with one record in each batch. `header` replaces fields of a batch's header; the record takes its
 * offset and its leader epoch from the header.
 */
export function finalLog(
  values: readonly string[],
  header: (index: number) => Partial<BatchHeader> = () => ({}),
): FinalLog {
  const batches = values.map((_value, index) => ({
    header: {
      baseOffset: index,
      lastOffset: header(index).baseOffset ?? index,
      lastOffsetDelta: 0,
      leaderEpoch: 0,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      maxTimestamp: -1,
      ...header(index),
    } as BatchHeader,
    largestTimestamp: -1,
  }));
  const records = batches.map(({ header: { baseOffset, leaderEpoch } }, index) => ({
    offset: baseOffset,
    value: values[index]!,
    leaderEpoch,
  }));
  return { topic: 't', topicId: undefined, partition: 0, records, batches };
}

/**
 * The log after its log start offset rose to `startOffset`, with one record in each batch. `appendedAbove`:
 * for each batch, the log start offset at the leader when the leader appended the batch.
 */
export function trimmed(log: FinalLog, startOffset: number, appendedAbove: readonly number[] = []): FinalLog {
  const { records } = log;
  const batches = log.batches!.map((one, index) => ({ ...one, appendedAbove: appendedAbove[index] ?? 0 }));
  const past = { batches: batches.slice(0, startOffset), records: records.slice(0, startOffset) };
  return {
    ...log,
    startOffset,
    past,
    records: records.slice(startOffset),
    batches: batches.slice(startOffset),
  };
}

/** A committed record with its key. A tombstone has the value of its send in a header. */
export type Keyed = readonly [key: string, value: string, isTombstone?: 'tombstone'];

/** A log of committed records, one in each batch. Compaction has left only the offsets in `left`. */
export function compacted(committed: readonly Keyed[], left: readonly number[]): FinalLog {
  const log = finalLog(committed.map(([, value]) => value));
  const records = log.records.map((record, index) => {
    const [key, , mark] = committed[index]!;
    return { ...record, key, ...(mark === undefined ? {} : { isTombstone: true }) };
  });
  const batches = log.batches!;
  return {
    ...log,
    mayHaveGaps: true,
    committed: { batches, records },
    records: records.filter(({ offset }) => left.includes(offset)),
    batches: batches.filter(({ header }) => left.includes(header.baseOffset)),
  };
}

/** A leader's log began at the offset from `fromUs` to `toUs`. Without `toUs`: until the end of the run. */
export function began(offset: number, fromUs: number, toUs: number = Number.POSITIVE_INFINITY): LogStart {
  return { offset, fromUs, toUs };
}

/** The log as the library of a real client shows it: without batches and leader epochs. */
export function withoutBatches(log: FinalLog): FinalLog {
  const records = log.records.map((record) => ({ ...record, leaderEpoch: undefined }));
  return { ...log, records, batches: undefined };
}

/** Two values at offsets 0 and 1, and the sends of both. */
export const two = finalLog(['p1-0', 'p1-1']);
export const sent = [send(['p1-0'], { baseOffset: 0 }), send(['p1-1'], { baseOffset: 1 })];

/** A commit of partition 0 of `t` in group `g`, from `invokedUs` to `endedUs`. */
export function commit(
  offset: number,
  invokedUs: number,
  endedUs: number,
  facts: Partial<CommitOp> = {},
): CommitOp {
  return {
    type: 'commit',
    client: 'g1',
    group: 'g',
    member: undefined,
    topic: 't',
    topicId: undefined,
    partition: 0,
    offset,
    metadata: '',
    invokedUs,
    endedUs,
    outcome: 'ok',
    error: undefined,
    ...facts,
  };
}

/** A fetch of the committed offset. `offset` -1: the group has no committed offset. */
export function fetchOffset(
  offset: number,
  invokedUs: number,
  endedUs: number,
  facts: Partial<FetchOffsetOp> = {},
): FetchOffsetOp {
  return {
    type: 'fetch-offset',
    client: 'g2',
    group: 'g',
    topic: 't',
    topicId: undefined,
    partition: 0,
    offset,
    metadata: '',
    invokedUs,
    endedUs,
    ...facts,
  };
}

/** A member reads partition 0 of `t` in group `g` at `endedUs`. */
export function groupRead(
  fetchOffset: number,
  nextOffset: number,
  endedUs: number,
  facts: Partial<GroupReadOp> = {},
): GroupReadOp {
  const place = { topic: 't', topicId: undefined, partition: 0 };
  return {
    type: 'group-read',
    client: 'k1',
    group: 'g',
    ...place,
    fetchOffset,
    nextOffset,
    endedUs,
    ...facts,
  };
}

/** The answer, at `endedUs`, that makes `memberId` a member in this epoch. */
export function membership(
  memberId: string,
  epoch: number,
  endedUs: number,
  facts: Partial<MembershipOp> = {},
): MembershipOp {
  return {
    type: 'membership',
    client: memberId,
    group: 'g',
    protocol: 'classic',
    isJoin: false,
    memberId,
    instanceId: null,
    epoch,
    assigned: undefined,
    invokedUs: endedUs - 1,
    endedUs,
    ...facts,
  };
}
