/**
 * For each anomaly, two hand-made histories that differ in little: the checkers must find the anomaly in one,
 * and nothing in the other.
 */
import type { Uuid } from '@millrace/base';
import type {
  AdminOp,
  AssignOp,
  CommitOp,
  FetchOffsetOp,
  GroupOp,
  MembershipOp,
  Op,
} from '@millrace/checkers';
import type { HistoryLine } from '../../src/types.ts';
import { finalLine, pollOp, sendOp } from '../history/lines.ts';

export interface AnomalyCase {
  readonly name: string;
  /** The lines between `run` and `end`. */
  readonly good: readonly HistoryLine[];
  readonly bad: readonly HistoryLine[];
}

const PLACE = { topic: 'orders', topicId: undefined, partition: 0 };
const op = (one: Op): HistoryLine => ({ line: 'op', op: one });
const sent = (...values: string[]) => op(sendOp(values));
const polled = (...values: string[]) => op(pollOp(values));
const polledAt = (fetchOffset: number, ...values: string[]) => op(pollOp(values, { fetchOffset }));
const OLD = 'old' as Uuid;
const NEW = 'new' as Uuid;
const THREE = ['w1-0', 'w1-1', 'w1-2'];

/** One acknowledged record that is read back. */
const QUIET = [sent('w1-0'), finalLine(['w1-0'])];

function offsetsIn(offsets: readonly number[]): HistoryLine {
  const records = offsets.map((offset) => ({ offset, value: `w1-${offset}`, leaderEpoch: 1 }));
  return op(pollOp([], { records, highWatermark: 3 }));
}

function assigned(why: AssignOp['why'], offset: number): HistoryLine {
  return op({ type: 'assign', client: 'r1', ...PLACE, offset, why, endedUs: 4 });
}

function finalEpochs(...epochs: number[]): HistoryLine {
  const records = epochs.map((leaderEpoch, offset) => ({ offset, value: `w1-${offset}`, leaderEpoch }));
  return { line: 'final', topic: 'orders', partition: 0, records };
}

function admin(fields: Partial<AdminOp>): HistoryLine {
  return op({
    type: 'admin',
    client: 'a1',
    api: 'CreateTopics',
    topic: 'other',
    topicId: undefined,
    invokedUs: 5,
    endedUs: 6,
    outcome: 'ok',
    error: undefined,
    ...fields,
  });
}

function commit(offset: number, invokedUs: number, fields: Partial<CommitOp> = {}): HistoryLine {
  return op({
    type: 'commit',
    client: 'g1',
    group: 'billing',
    member: undefined,
    ...PLACE,
    offset,
    metadata: '',
    invokedUs,
    endedUs: invokedUs + 1,
    outcome: 'ok',
    error: undefined,
    ...fields,
  });
}

function fetched(offset: number, invokedUs: number): HistoryLine {
  const fetch: FetchOffsetOp = {
    type: 'fetch-offset',
    client: 'g1',
    group: 'billing',
    ...PLACE,
    offset,
    metadata: '',
    invokedUs,
    endedUs: invokedUs + 1,
  };
  return op(fetch);
}

function groupRead(fetchOffset: number, nextOffset: number, endedUs: number): HistoryLine {
  const read: Extract<GroupOp, { readonly type: 'group-read' }> = {
    type: 'group-read',
    client: 'g1',
    group: 'billing',
    ...PLACE,
    fetchOffset,
    nextOffset,
    endedUs,
  };
  return op(read);
}

const member = (memberId: string, epoch: number) => ({ memberId, instanceId: null, epoch });

function joined(memberId: string, epoch: number, invokedUs: number): HistoryLine {
  const membership: MembershipOp = {
    type: 'membership',
    client: memberId,
    group: 'billing',
    protocol: 'classic',
    ...member(memberId, epoch),
    isJoin: false,
    assigned: undefined,
    invokedUs,
    endedUs: invokedUs + 1,
  };
  return op(membership);
}

export const anomalyCases: readonly AnomalyCase[] = [
  {
    name: 'lost-write',
    good: [sent(...THREE), finalLine(THREE)],
    bad: [sent(...THREE), finalLine(['w1-0', 'w1-1'])],
  },
  {
    name: 'unseen',
    good: [sent(...THREE), polled(...THREE), finalLine(THREE)],
    bad: [sent(...THREE), polled('w1-0', 'w1-1'), finalLine(['w1-0', 'w1-1'])],
  },
  {
    name: 'wrong-offset',
    good: [sent('w1-0'), op(sendOp(['w1-1'], { baseOffset: 1 })), finalLine(['w1-0', 'w1-1'])],
    bad: [sent('w1-0'), op(sendOp(['w1-1'], { baseOffset: 0 })), finalLine(['w1-0', 'w1-1'])],
  },
  {
    name: 'duplicate',
    good: [op(sendOp(THREE, { baseOffset: undefined })), finalLine(THREE)],
    bad: [op(sendOp(THREE, { baseOffset: undefined })), finalLine([...THREE, 'w1-1'])],
  },
  {
    name: 'nonmonotonic-send',
    good: [op(sendOp(THREE, { baseOffset: undefined })), finalLine(THREE)],
    bad: [op(sendOp(THREE, { baseOffset: undefined })), finalLine(['w1-0', 'w1-2', 'w1-1'])],
  },
  {
    name: 'never-sent',
    good: QUIET,
    bad: [sent('w1-0'), finalLine(['w1-0', 'w9-5'])],
  },
  {
    name: 'aborted-read',
    good: [
      sent('w1-0'),
      op(sendOp(['w1-1'], { outcome: 'info', baseOffset: undefined, error: 'disconnected' })),
      polled('w1-0', 'w1-1'),
      finalLine(['w1-0', 'w1-1']),
    ],
    bad: [
      sent('w1-0'),
      op(sendOp(['w1-1'], { outcome: 'fail', baseOffset: undefined, error: 'NOT_ENOUGH_REPLICAS' })),
      polled('w1-0', 'w1-1'),
      finalLine(['w1-0', 'w1-1']),
    ],
  },
  {
    name: 'poll-skip',
    good: [sent(...THREE), polled('w1-0'), polledAt(1, 'w1-1', 'w1-2'), finalLine(THREE)],
    bad: [sent(...THREE), polled('w1-0'), polledAt(2, 'w1-2'), finalLine(THREE)],
  },
  {
    name: 'nonmonotonic-poll',
    good: [sent(...THREE), polled('w1-0', 'w1-1'), polledAt(2, 'w1-2'), finalLine(THREE)],
    bad: [sent(...THREE), polled('w1-0', 'w1-1'), polledAt(1, 'w1-1'), finalLine(THREE)],
  },
  {
    name: 'int-poll-skip',
    good: [sent(...THREE), offsetsIn([0, 1, 2]), finalLine(THREE)],
    bad: [sent(...THREE), offsetsIn([0, 2]), finalLine(THREE)],
  },
  {
    name: 'int-nonmonotonic-poll',
    good: [sent(...THREE), offsetsIn([0, 1, 2]), finalLine(THREE)],
    bad: [sent(...THREE), offsetsIn([0, 1, 0]), finalLine(THREE)],
  },
  {
    name: 'uncommitted-read',
    good: [sent(...THREE), op(pollOp(THREE, { highWatermark: 3 })), finalLine(THREE)],
    bad: [sent(...THREE), op(pollOp(THREE, { highWatermark: 2 })), finalLine(THREE)],
  },
  {
    name: 'inconsistent-offsets',
    good: [sent(...THREE), polled(...THREE), finalLine(THREE)],
    bad: [op(sendOp(THREE, { baseOffset: undefined })), polled('w1-0', 'w1-2', 'w1-1'), finalLine(THREE)],
  },
  {
    name: 'position-lost',
    good: [sent(...THREE), assigned('earliest', 0), polled(...THREE), finalLine(THREE)],
    bad: [sent(...THREE), polled(...THREE), assigned('truncated', 1), finalLine(THREE)],
  },
  {
    name: 'damaged-batch',
    good: QUIET,
    bad: [...QUIET, { line: 'damaged-batch', client: 'r1', topic: 'orders', partition: 0, offset: 0 }],
  },
  {
    name: 'lost-sequence',
    good: QUIET,
    bad: [...QUIET, { line: 'lost-sequence', client: 'w1', topic: 'orders', partition: 0, value: 'w1-1' }],
  },
  {
    name: 'leader-epoch-fell',
    good: [sent('w1-0', 'w1-1'), finalEpochs(1, 2)],
    bad: [sent('w1-0', 'w1-1'), finalEpochs(2, 1)],
  },
  {
    name: 'old-topic-read',
    good: [
      ...QUIET,
      op(sendOp(['w1-1'], { topicId: OLD, outcome: 'info', baseOffset: undefined, error: 'gone' })),
      op(pollOp(['w1-1'], { topicId: OLD, topic: 'gone', partition: 3 })),
    ],
    bad: [
      ...QUIET,
      op(
        sendOp(['w1-1'], {
          ...{ topic: 'gone', partition: 3, topicId: OLD },
          ...{ outcome: 'info', baseOffset: undefined, error: 'gone' },
        }),
      ),
      op(pollOp(['w1-1'], { topicId: NEW, topic: 'gone', partition: 3 })),
    ],
  },
  {
    name: 'refused-change',
    good: [
      ...QUIET,
      admin({ outcome: 'info', error: 'REQUEST_TIMED_OUT', invokedUs: 3, endedUs: 4 }),
      admin({ outcome: 'fail', error: 'TOPIC_ALREADY_EXISTS' }),
    ],
    bad: [...QUIET, admin({ outcome: 'fail', error: 'TOPIC_ALREADY_EXISTS' })],
  },
  {
    name: 'never-committed',
    good: [...QUIET, commit(5, 1), fetched(5, 3)],
    bad: [...QUIET, commit(5, 1), fetched(5, 3), fetched(7, 5)],
  },
  {
    name: 'commit-lost',
    good: [...QUIET, fetched(-1, 1), commit(5, 3), fetched(5, 5)],
    bad: [...QUIET, commit(5, 3), fetched(-1, 5)],
  },
  {
    name: 'commit-went-back',
    good: [...QUIET, commit(5, 1), fetched(5, 3), commit(6, 5, { outcome: 'info' }), fetched(6, 7)],
    bad: [...QUIET, commit(5, 1), commit(6, 3, { outcome: 'info' }), fetched(6, 5), fetched(5, 7)],
  },
  {
    name: 'fenced-commit-accepted',
    good: [...QUIET, joined('m1', 1, 1), joined('m2', 2, 3), commit(0, 6, { member: member('m2', 2) })],
    bad: [...QUIET, joined('m1', 1, 1), joined('m2', 2, 3), commit(0, 6, { member: member('m1', 1) })],
  },
  {
    name: 'wrong-start',
    good: [...QUIET, commit(1, 1), fetched(1, 3), groupRead(1, 3, 5)],
    bad: [...QUIET, commit(1, 1), fetched(1, 3), groupRead(0, 3, 5)],
  },
  {
    name: 'commit-unread',
    good: [...QUIET, fetched(-1, 1), groupRead(0, 3, 3), commit(3, 5, { member: member('m1', 1) })],
    bad: [...QUIET, fetched(-1, 1), groupRead(0, 3, 3), commit(4, 5, { member: member('m1', 1) })],
  },
];
