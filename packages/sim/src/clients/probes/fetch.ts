/** Fetch requests for unknown topics and offsets, under wrong epochs, and in unknown or invalid sessions. */
import { type Uuid, ZERO_UUID } from '@millrace/base';
import { apis, ErrorCode, type FetchResponse } from '@millrace/protocol';
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

interface FetchAsked {
  /** Default 12, the last version with names. */
  readonly version?: number;
  readonly topic?: string;
  readonly topicId?: Uuid;
  readonly partition?: number;
  readonly offset?: number;
  readonly currentLeaderEpoch?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
}

const ENOUGH_BYTES = 1_000;
const FAR_OFFSET = 1_000_000_000;
/** The first version with topic ids. */
const BY_ID = 13;

function fetchOnce(
  tools: ProbeTools,
  asked: FetchAsked,
  done: (response: FetchResponse | undefined) => void,
): void {
  const { version = 12, topic = tools.topic.name, topicId = tools.topic.topicId } = asked;
  const { partition = 0, offset = 0, currentLeaderEpoch = -1, sessionId = 0, sessionEpoch = -1 } = asked;
  const wanted = { partition, fetchOffset: offset, currentLeaderEpoch, partitionMaxBytes: ENOUGH_BYTES };
  const request = {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: ENOUGH_BYTES,
    isolationLevel: 0,
    sessionId,
    sessionEpoch,
    topics: [{ topic, topicId: version < BY_ID ? ZERO_UUID : topicId, partitions: [wanted] }],
    forgottenTopicsData: [],
    rackId: '',
  };
  tools.leader.request(apis.fetch, version, request, done);
}

function codeOf(response: FetchResponse | undefined): number | undefined {
  if (response === undefined || response.errorCode !== ErrorCode.NONE) return response?.errorCode;
  return response.responses[0]?.partitions[0]?.errorCode;
}

function refused(
  name: string,
  code: ErrorCode,
  troubles: readonly ErrorCode[],
  asked: (tools: ProbeTools) => FetchAsked,
): Probe {
  return {
    name: `fetch-${name}`,
    expected: [code],
    troubles,
    ask: (tools, answered) => fetchOnce(tools, asked(tools), (response) => answered(codeOf(response))),
  };
}

/** Opens a session and continues it in an invalid way. */
function wrongSession(name: string, code: ErrorCode, then: (sessionId: number) => FetchAsked): Probe {
  return {
    name: `fetch-session-${name}`,
    expected: [code],
    troubles: NO_TROUBLES,
    ask: (tools: ProbeTools, answered: Answered) =>
      fetchOnce(tools, { sessionEpoch: 0 }, (opened) => {
        const sessionId = opened?.sessionId ?? 0;
        if (sessionId === 0) answered(undefined);
        else fetchOnce(tools, then(sessionId), (response) => answered(response?.errorCode));
      }),
  };
}

export const fetchProbes: readonly Probe[] = [
  refused('unknown-topic', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, NO_TROUBLES, () => ({
    topic: UNKNOWN_TOPIC,
  })),
  refused('unknown-partition', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, NO_TROUBLES, () => ({
    partition: UNKNOWN_PARTITION,
  })),
  refused('unknown-topic-id', ErrorCode.UNKNOWN_TOPIC_ID, NO_TROUBLES, ({ env }) => ({
    version: BY_ID,
    topicId: env.random.uuid(),
  })),
  refused('beyond-the-end', ErrorCode.OFFSET_OUT_OF_RANGE, PARTITION_TROUBLES, () => ({
    offset: FAR_OFFSET,
  })),
  refused('future-epoch', ErrorCode.UNKNOWN_LEADER_EPOCH, PARTITION_TROUBLES, () => ({
    currentLeaderEpoch: FUTURE_EPOCH,
  })),
  {
    name: 'fetch-stale-epoch',
    expected: [ErrorCode.FENCED_LEADER_EPOCH],
    troubles: PARTITION_TROUBLES,
    ask(tools: ProbeTools, answered: Answered): void {
      const { leaderEpoch } = tools.topic;
      if (leaderEpoch === 0) {
        answered(undefined);
        return;
      }
      // Only a fetch without error proves that the broker is at the epoch of the prober's metadata.
      fetchOnce(tools, { currentLeaderEpoch: leaderEpoch }, (served) => {
        if (codeOf(served) !== ErrorCode.NONE) answered(undefined);
        else
          fetchOnce(tools, { currentLeaderEpoch: leaderEpoch - 1 }, (response) => answered(codeOf(response)));
      });
    },
  },
  {
    name: 'fetch-session-unknown',
    expected: [ErrorCode.FETCH_SESSION_ID_NOT_FOUND],
    troubles: NO_TROUBLES,
    ask: (tools, answered) =>
      fetchOnce(tools, { sessionId: 1 + tools.env.random.below(0x7fff_fffe), sessionEpoch: 4 }, (response) =>
        answered(response?.errorCode),
      ),
  },
  wrongSession('epoch', ErrorCode.INVALID_FETCH_SESSION_EPOCH, (sessionId) => ({
    sessionId,
    sessionEpoch: 9,
  })),
  wrongSession('ids-for-names', ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR, (sessionId) => ({
    sessionId,
    sessionEpoch: 1,
    version: BY_ID,
  })),
];
