/** Fetch requests with an earlier leader epoch, and Fetch requests with a wrong session epoch. */
import { ZERO_UUID } from '@millrace/base';
import type { BrokerConnection } from '@millrace/client';
import { apis, ErrorCode, type FetchResponse } from '@millrace/protocol';
import { type Answered, NO_TROUBLES, PARTITION_TROUBLES, type Probe, type ProbeTools } from './probe.ts';

interface FetchAsked {
  readonly currentLeaderEpoch?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
}

const ENOUGH_BYTES = 1_000;
/** The last version of Fetch that has topic names. */
const VERSION = 12;

function fetchOnce(
  connection: BrokerConnection,
  tools: ProbeTools,
  asked: FetchAsked,
  done: (response: FetchResponse | undefined) => void,
): void {
  const { currentLeaderEpoch = -1, sessionId = 0, sessionEpoch = -1 } = asked;
  const wanted = { partition: 0, fetchOffset: 0, currentLeaderEpoch, partitionMaxBytes: ENOUGH_BYTES };
  const request = {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: ENOUGH_BYTES,
    isolationLevel: 0,
    sessionId,
    sessionEpoch,
    topics: [{ topic: tools.topic.name, topicId: ZERO_UUID, partitions: [wanted] }],
    forgottenTopicsData: [],
    rackId: '',
  };
  connection.request(apis.fetch, VERSION, request, done);
}

function codeOf(response: FetchResponse | undefined): number | undefined {
  if (response === undefined || response.errorCode !== ErrorCode.NONE) return response?.errorCode;
  return response.responses[0]?.partitions[0]?.errorCode;
}

/**
 * The probe fetches first with the leader epoch in the prober's metadata. The answer `proof` shows that the
 * broker has this epoch. Only then does the probe fetch with the epoch before it.
 */
function staleEpoch(
  name: string,
  proof: ErrorCode,
  brokerOf: (tools: ProbeTools) => BrokerConnection | undefined,
): Probe {
  return {
    name,
    expected: [ErrorCode.FENCED_LEADER_EPOCH],
    troubles: PARTITION_TROUBLES,
    ask(tools: ProbeTools, answered: Answered): void {
      const { leaderEpoch } = tools.topic;
      const broker = brokerOf(tools);
      if (leaderEpoch === 0 || broker === undefined) {
        answered(undefined);
        return;
      }
      fetchOnce(broker, tools, { currentLeaderEpoch: leaderEpoch }, (served) => {
        if (codeOf(served) !== proof) answered(undefined);
        else
          fetchOnce(broker, tools, { currentLeaderEpoch: leaderEpoch - 1 }, (response) =>
            answered(codeOf(response)),
          );
      });
    },
  };
}

export const fetchProbes: readonly Probe[] = [
  staleEpoch('fetch-stale-epoch', ErrorCode.NONE, ({ leader }) => leader),
  // A broker without a replica answers both fetches with NOT_LEADER_OR_FOLLOWER, which is one of the
  // troubles.
  staleEpoch('fetch-stale-epoch-at-a-follower', ErrorCode.NOT_LEADER_OR_FOLLOWER, ({ other }) => other),
  {
    name: 'fetch-session-epoch',
    expected: [ErrorCode.INVALID_FETCH_SESSION_EPOCH],
    // If the broker keeps few sessions, a follower's session may replace this one.
    troubles: [...NO_TROUBLES, ErrorCode.FETCH_SESSION_ID_NOT_FOUND],
    ask: (tools, answered) =>
      fetchOnce(tools.leader, tools, { sessionEpoch: 0 }, (opened) => {
        const sessionId = opened?.sessionId ?? 0;
        if (sessionId === 0) answered(undefined);
        else
          fetchOnce(tools.leader, tools, { sessionId, sessionEpoch: 9 }, (response) =>
            answered(response?.errorCode),
          );
      }),
  },
];
