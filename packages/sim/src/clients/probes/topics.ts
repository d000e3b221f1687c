/** CreateTopics of a topic that exists. */
import { apis, ErrorCode } from '@millrace/protocol';
import { CONTROLLER_TROUBLES, type Probe } from './probe.ts';

function creatingAgain(name: string, timeoutMs: number, expected: readonly ErrorCode[]): Probe {
  return {
    name: `create-topic-${name}`,
    expected,
    troubles: CONTROLLER_TROUBLES,
    ask({ leader, topic }, answered) {
      const wanted = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
      const topics = [{ name: topic.name, ...wanted }];
      leader.request(apis.createTopics, 7, { topics, timeoutMs, validateOnly: false }, (response) =>
        answered(response?.topics[0]?.errorCode),
      );
    },
  };
}

export const topicProbes: readonly Probe[] = [
  creatingAgain('that-exists', 1_000, [ErrorCode.TOPIC_ALREADY_EXISTS]),
  creatingAgain('in-no-time', 1, [ErrorCode.REQUEST_TIMED_OUT, ErrorCode.TOPIC_ALREADY_EXISTS]),
];
