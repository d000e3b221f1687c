/**
 * Idempotent producers that send a wrong epoch, a wrong sequence, or the same batch twice. Each probe first
 * gets a producer id and sends a valid batch with acks=all. When the leader acknowledges this batch, every
 * member of the ISR has it. So every later leader must judge the next batch in the same way.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import { goodBatch } from './batches.ts';
import type { Answered, Probe, ProbeTools } from './probe.ts';
import { APPEND_TROUBLES, produceTo } from './produce.ts';

/** The producer epoch, the base sequence and the number of records of a batch. */
interface Numbers {
  readonly epoch: number;
  readonly sequence: number;
  /** Default 1. */
  readonly records?: number;
}

const FIRST: Numbers = { epoch: 0, sequence: 0 };

class Beginner {
  readonly tools: ProbeTools;
  readonly producerId: number;
  /** The offset of this producer's first batch. */
  baseOffset = -1;

  constructor(tools: ProbeTools, producerId: number) {
    this.tools = tools;
    this.producerId = producerId;
  }

  send(
    { epoch, sequence, records = 1 }: Numbers,
    done: (code: number | undefined, baseOffset: number) => void,
  ): void {
    const { tools, producerId } = this;
    const numbers = { producerId, producerEpoch: epoch, baseSequence: sequence };
    produceTo(tools.leader, tools, { records: goodBatch(records, numbers), acks: -1 }, done);
  }

  /** Sends a valid batch. If the leader does not append it, the probe ends without a result. */
  sendGood(numbers: Numbers, answered: Answered, then: (baseOffset: number) => void): void {
    this.send(numbers, (code, baseOffset) => {
      if (code === ErrorCode.NONE) then(baseOffset);
      else answered(undefined);
    });
  }
}

/** Begins a probe: gets a producer id, sends a first batch, and waits for its acknowledgement. */
function begin(tools: ProbeTools, answered: Answered, then: (beginner: Beginner) => void): void {
  const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
  tools.leader.request(apis.initProducerId, 4, request, (response) => {
    if (response?.errorCode !== ErrorCode.NONE) {
      answered(undefined);
      return;
    }
    const beginner = new Beginner(tools, response.producerId);
    beginner.sendGood(FIRST, answered, (baseOffset) => {
      beginner.baseOffset = baseOffset;
      then(beginner);
    });
  });
}

function wrongNumbers(name: string, code: ErrorCode, good: readonly Numbers[], bad: Numbers): Probe {
  return {
    name: `producer-${name}`,
    expected: [code],
    troubles: APPEND_TROUBLES,
    remembers: true,
    ask: (tools, answered) =>
      begin(tools, answered, (beginner) => {
        const step = (index: number): void => {
          const next = good[index];
          if (next === undefined) beginner.send(bad, (errorCode) => answered(errorCode));
          else beginner.sendGood(next, answered, () => step(index + 1));
        };
        step(0);
      }),
  };
}

const SECOND: Numbers = { epoch: 0, sequence: 1 };
const BUMPED: Numbers = { epoch: 1, sequence: 0 };

export const producerStateProbes: readonly Probe[] = [
  wrongNumbers('gap', ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, [], { epoch: 0, sequence: 3 }),
  wrongNumbers('stale-epoch', ErrorCode.INVALID_PRODUCER_EPOCH, [BUMPED], SECOND),
  {
    name: 'producer-repeat',
    // Kafka answers a duplicate as a success; only old versions answered DUPLICATE_SEQUENCE_NUMBER.
    expected: [ErrorCode.NONE],
    troubles: APPEND_TROUBLES,
    remembers: true,
    ask: (tools, answered) =>
      begin(tools, answered, (beginner) =>
        beginner.sendGood(SECOND, answered, () =>
          beginner.send(FIRST, (code, baseOffset) => {
            if (code === ErrorCode.NONE && baseOffset !== beginner.baseOffset)
              tools.wrong(`a batch at ${beginner.baseOffset} sent again is said to be at ${baseOffset}`);
            answered(code);
          }),
        ),
      ),
  },
];
