/** ListOffsets and OffsetForLeaderEpoch for unknown partitions and epochs, and under wrong epochs. */
import { apis, ErrorCode } from '@millrace/protocol';
import { goodBatch } from './batches.ts';
import {
  type Answered,
  FUTURE_EPOCH,
  NO_TROUBLES,
  PARTITION_TROUBLES,
  type Probe,
  type ProbeTools,
  UNKNOWN_PARTITION,
  UNKNOWN_TOPIC,
} from './probe.ts';
import { produceTo } from './produce.ts';

interface Asked {
  readonly topic?: string;
  readonly partition?: number;
  readonly currentLeaderEpoch?: number;
  /** For ListOffsets; default -1, the latest. */
  readonly timestamp?: number;
  /** For ListOffsets. */
  readonly version?: number;
  /** For ListOffsets; default 0. */
  readonly isolationLevel?: number;
  /** For ListOffsets: names the partition twice. */
  readonly isTwice?: boolean;
  /** For OffsetForLeaderEpoch; default 0. */
  readonly leaderEpoch?: number;
}
type Done = (code: number | undefined, offset: number) => void;
type Look = (tools: ProbeTools, asked: Asked, done: Done) => void;

const LATEST = -1;
const MAX_TIMESTAMP = -3;

const listOffset: Look = (tools, asked, done) => {
  const { topic = tools.topic.name, partition = 0, currentLeaderEpoch = -1 } = asked;
  const wanted = { partitionIndex: partition, currentLeaderEpoch, timestamp: asked.timestamp ?? LATEST };
  const partitions = asked.isTwice === true ? [wanted, wanted] : [wanted];
  const { isolationLevel = 0 } = asked;
  const request = { replicaId: -1, isolationLevel, topics: [{ name: topic, partitions }], timeoutMs: 0 };
  tools.leader.request(apis.listOffsets, asked.version ?? 7, request, (response) => {
    const answer = response?.topics[0]?.partitions[0];
    done(answer?.errorCode, answer?.offset ?? -1);
  });
};

const epochEnd: Look = (tools, asked, done) => {
  const { topic = tools.topic.name, partition = 0, currentLeaderEpoch = -1, leaderEpoch = 0 } = asked;
  const partitions = [{ partition, currentLeaderEpoch, leaderEpoch }];
  const request = { replicaId: -1, topics: [{ topic, partitions }] };
  tools.leader.request(apis.offsetForLeaderEpoch, 4, request, (response) => {
    const answer = response?.topics[0]?.partitions[0];
    done(answer?.errorCode, answer?.endOffset ?? -1);
  });
};

function expecting(
  name: string,
  look: Look,
  asked: Asked,
  expected: readonly ErrorCode[],
  troubles = PARTITION_TROUBLES,
): Probe {
  return {
    name,
    expected,
    troubles,
    ask: (tools, answered) => look(tools, asked, (code) => answered(code)),
  };
}

/** The mistakes that are possible in ListOffsets and in OffsetForLeaderEpoch. */
function common(prefix: string, look: Look): Probe[] {
  const unknown = [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION];
  return [
    expecting(`${prefix}-unknown-topic`, look, { topic: UNKNOWN_TOPIC }, unknown, NO_TROUBLES),
    expecting(`${prefix}-unknown-partition`, look, { partition: UNKNOWN_PARTITION }, unknown, NO_TROUBLES),
    expecting(`${prefix}-future-epoch`, look, { currentLeaderEpoch: FUTURE_EPOCH }, [
      ErrorCode.UNKNOWN_LEADER_EPOCH,
    ]),
    {
      name: `${prefix}-stale-epoch`,
      expected: [ErrorCode.FENCED_LEADER_EPOCH],
      troubles: PARTITION_TROUBLES,
      ask: (tools, answered) => askStale(tools, look, answered),
    },
  ];
}

/**
 * Asks with the epoch before that of the prober's metadata. Only an answer without error to the epoch of the
 * metadata proves that the broker is at that epoch.
 */
function askStale(tools: ProbeTools, look: Look, answered: Answered): void {
  const { leaderEpoch } = tools.topic;
  if (leaderEpoch === 0) {
    answered(undefined);
    return;
  }
  look(tools, { currentLeaderEpoch: leaderEpoch }, (served) => {
    if (served !== ErrorCode.NONE) answered(undefined);
    else look(tools, { currentLeaderEpoch: leaderEpoch - 1 }, (code) => answered(code));
  });
}

export const lookupProbes: readonly Probe[] = [
  ...common('list-offsets', listOffset),
  expecting('list-offsets-latest', listOffset, {}, [ErrorCode.NONE, ErrorCode.OFFSET_NOT_AVAILABLE]),
  expecting('list-offsets-latest-v4', listOffset, { version: 4 }, [
    ErrorCode.NONE,
    ErrorCode.LEADER_NOT_AVAILABLE,
  ]),
  expecting('list-offsets-unknown-place', listOffset, { timestamp: -9 }, [ErrorCode.UNSUPPORTED_VERSION]),
  expecting('list-offsets-place-too-new', listOffset, { timestamp: MAX_TIMESTAMP, version: 6 }, [
    ErrorCode.UNSUPPORTED_VERSION,
  ]),
  expecting(
    'list-offsets-unknown-isolation',
    listOffset,
    { isolationLevel: 2 },
    [ErrorCode.UNKNOWN_SERVER_ERROR],
    NO_TROUBLES,
  ),
  expecting('list-offsets-twice', listOffset, { isTwice: true }, [ErrorCode.INVALID_REQUEST]),
  ...common('epoch-end', epochEnd),
  {
    name: 'epoch-end-of-the-future',
    expected: [ErrorCode.NONE],
    troubles: PARTITION_TROUBLES,
    ask: (tools, answered) =>
      epochEnd(tools, { leaderEpoch: FUTURE_EPOCH }, (code, offset) => {
        if (code === ErrorCode.NONE && offset !== -1)
          tools.wrong(`an epoch that nobody had is said to end at ${offset}`);
        answered(code);
      }),
  },
];

/** Old timestamps, which are not in the future for any broker's clock. */
const TIMES = [1_000, 2_000, 3_000];

/** A lookup by time finds an acknowledged record, or an earlier one. */
export const byTime: Probe = {
  name: 'list-offsets-by-time',
  expected: [ErrorCode.NONE, ErrorCode.OFFSET_NOT_AVAILABLE],
  troubles: PARTITION_TROUBLES,
  remembers: true,
  ask: (tools, answered) => {
    const timed = TIMES.map((timestamp) => ({ timestamp, value: null }));
    const records = goodBatch(1, { records: timed, baseTimestamp: TIMES[0]! });
    produceTo(tools.leader, tools, { records, acks: -1 }, (produced, baseOffset) => {
      if (produced !== ErrorCode.NONE) {
        answered(undefined);
        return;
      }
      listOffset(tools, { timestamp: TIMES[1]! }, (code, offset) => {
        if (code === ErrorCode.NONE && (offset < 0 || offset > baseOffset + 1))
          tools.wrong(`a record at ${baseOffset + 1} is said to be at ${offset}, by its time`);
        answered(code);
      });
    });
  },
};
