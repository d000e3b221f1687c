/**
 * Produce requests at a follower, with too little time, with a batch that is too large, and with a batch that
 * does not decompress.
 */
import type { BrokerConnection } from '@millrace/client';
import { apis, ErrorCode } from '@millrace/protocol';
import { batchOfSize, goodBatch, undecompressable } from './batches.ts';
import { type Answered, PARTITION_TROUBLES, type Probe, type ProbeTools } from './probe.ts';

export interface ProduceAsked {
  readonly records: Uint8Array;
  /** Default 1. */
  readonly acks?: number;
  /** Default 1 s. */
  readonly timeoutMs?: number;
}

/** Other answers that a valid batch with acks=all may get because of faults. */
export const APPEND_TROUBLES: readonly ErrorCode[] = [
  ...PARTITION_TROUBLES,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.REQUEST_TIMED_OUT,
];

const VERSION = 9;
/** Larger than the segment.bytes of the prober's topic, and at most its max.message.bytes. */
const TOO_LARGE_BYTES = 1_048_577;

export function produceTo(
  connection: BrokerConnection,
  tools: ProbeTools,
  asked: ProduceAsked,
  done: (code: number | undefined, baseOffset: number) => void,
): void {
  const { records, acks = 1, timeoutMs = 1_000 } = asked;
  const partitionData = [{ index: 0, records }];
  const topicData = [{ name: tools.topic.name, partitionData }];
  const request = { transactionalId: null, acks, timeoutMs, topicData };
  connection.request(apis.produce, VERSION, request, (response) => {
    const answer = response?.responses[0]?.partitionResponses[0];
    done(answer?.errorCode, answer?.baseOffset ?? -1);
  });
}

/** A probe with records that the leader refuses. A job may have to check them first. */
function refused(name: string, code: ErrorCode, make: (tools: ProbeTools) => Uint8Array): Probe {
  return {
    name,
    expected: [code],
    troubles: PARTITION_TROUBLES,
    ask: (tools, answered) =>
      produceTo(tools.leader, tools, { records: make(tools) }, (errorCode) => answered(errorCode)),
  };
}

export const produceProbes: readonly Probe[] = [
  refused('produce-larger-than-segment', ErrorCode.RECORD_LIST_TOO_LARGE, () => batchOfSize(TOO_LARGE_BYTES)),
  refused('records-damaged-payload', ErrorCode.UNKNOWN_SERVER_ERROR, ({ env }) =>
    undecompressable(env.codecs),
  ),
  {
    name: 'produce-to-a-follower',
    // The broker may have become the leader meanwhile.
    expected: [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NONE],
    troubles: PARTITION_TROUBLES,
    ask(tools: ProbeTools, answered: Answered): void {
      if (tools.other === undefined) answered(undefined);
      else produceTo(tools.other, tools, { records: goodBatch() }, (code) => answered(code));
    },
  },
  {
    name: 'produce-in-no-time',
    expected: [ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NONE],
    troubles: APPEND_TROUBLES,
    ask: (tools, answered) =>
      produceTo(tools.leader, tools, { records: goodBatch(), acks: -1, timeoutMs: 1 }, (code) =>
        answered(code),
      ),
  },
];
