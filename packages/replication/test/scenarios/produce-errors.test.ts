/** Goal: the broker checks a produce request in Kafka's order, so that it returns the same error. */
import { ZERO_UUID } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { batchOf } from '../support/batches.ts';
import { World } from '../support/world.ts';

const ALL = [[1, 2, 3]];

test('produce first refuses partitions that the metadata lacks, then bad acks, then records that the client may not write', () => {
  const world = new World().start();
  const topicId = world.controller.createTopic('events', ALL);
  world.advance(20);
  const records = batchOf('x');
  const codes = (acks: number) => {
    const partitions = [
      {
        topicId: ZERO_UUID,
        topic: 'none',
        partition: 0,
        unknown: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        records,
      },
      { topicId, topic: 'events', partition: 0, forbidden: ErrorCode.INVALID_TXN_STATE, records },
      { topicId, topic: 'events', partition: 0, records },
    ];
    const results: ErrorCode[] = [];
    const request = { acks, timeoutMs: 1000, apiVersion: 9, partitions };
    world.broker(1).manager.produce(request, (settled) => {
      results.push(...settled.map(({ errorCode }) => errorCode));
    });
    return results;
  };
  const [unknown, txn, acks] = [
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.INVALID_TXN_STATE,
    ErrorCode.INVALID_REQUIRED_ACKS,
  ];
  expect(codes(1)).toEqual([unknown, txn, ErrorCode.NONE]);
  for (const bad of [2, -2]) expect(codes(bad)).toEqual([unknown, acks, acks]);
});
