/**
 * ListOffsets and OffsetForLeaderEpoch requests: to a leader that may be new, by time, and with an earlier
 * leader epoch.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { goodBatch } from './batches.ts';
import { type Answered, PARTITION_TROUBLES, type Probe, type ProbeTools } from './probe.ts';
import { produceTo } from './produce.ts';

interface Asked {
  readonly currentLeaderEpoch?: number;
  /** For ListOffsets; default -1, the latest. */
  readonly timestamp?: number;
  /** For ListOffsets. */
  readonly version?: number;
}
type Done = (code: number | undefined, offset: number) => void;
type Look = (tools: ProbeTools, asked: Asked, done: Done) => void;

const LATEST = -1;

const listOffset: Look = (tools, asked, done) => {
  const { currentLeaderEpoch = -1, timestamp = LATEST, version = 7 } = asked;
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch, timestamp }];
  const topics = [{ name: tools.topic.name, partitions }];
  const request = { replicaId: -1, isolationLevel: 0, topics, timeoutMs: 0 };
  tools.leader.request(apis.listOffsets, version, request, (response) => {
    const answer = response?.topics[0]?.partitions[0];
    done(answer?.errorCode, answer?.offset ?? -1);
  });
};

const epochEnd: Look = (tools, { currentLeaderEpoch = -1 }, done) => {
  const partitions = [{ partition: 0, currentLeaderEpoch, leaderEpoch: 0 }];
  const request = { replicaId: -1, topics: [{ topic: tools.topic.name, partitions }] };
  tools.leader.request(apis.offsetForLeaderEpoch, 4, request, (response) => {
    const answer = response?.topics[0]?.partitions[0];
    done(answer?.errorCode, answer?.endOffset ?? -1);
  });
};

function latest(name: string, version: number, unknownYet: ErrorCode): Probe {
  return {
    name,
    expected: [ErrorCode.NONE, unknownYet],
    troubles: PARTITION_TROUBLES,
    ask: (tools, answered) => listOffset(tools, { version }, (code) => answered(code)),
  };
}

function staleEpoch(name: string, look: Look): Probe {
  return {
    name,
    expected: [ErrorCode.FENCED_LEADER_EPOCH],
    troubles: PARTITION_TROUBLES,
    ask: (tools, answered) => askStale(tools, look, answered),
  };
}

/**
 * The probe asks first with the leader epoch in the prober's metadata. An answer without error shows that the
 * broker has this epoch. Only then does the probe ask with the epoch before it.
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

/** Old timestamps, which are not in the future for any broker's clock. */
const TIMES = [1_000, 2_000, 3_000];

/** A lookup by time finds the acknowledged record with this timestamp, or a record at a lower offset. */
const byTime: Probe = {
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

export const lookupProbes: readonly Probe[] = [
  staleEpoch('list-offsets-stale-epoch', listOffset),
  latest('list-offsets-latest', 7, ErrorCode.OFFSET_NOT_AVAILABLE),
  latest('list-offsets-latest-v4', 4, ErrorCode.LEADER_NOT_AVAILABLE),
  byTime,
  staleEpoch('epoch-end-stale-epoch', epochEnd),
];
