/** Goal: a producer never reports a batch as failed that the log may have, and never retries in vain. */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { produceOutcome } from '../../src/index.ts';

test('DUPLICATE_SEQUENCE_NUMBER is an acknowledgement', () => {
  expect(produceOutcome(ErrorCode.NONE)).toBe('acknowledged');
  expect(produceOutcome(ErrorCode.DUPLICATE_SEQUENCE_NUMBER)).toBe('acknowledged');
});

test('a batch that fails the checks of the leader is refused; after other errors before the append a retry may succeed', () => {
  expect(produceOutcome(ErrorCode.MESSAGE_TOO_LARGE)).toBe('refused');
  expect(produceOutcome(ErrorCode.CORRUPT_MESSAGE)).toBe('refused');
  expect(produceOutcome(ErrorCode.NOT_ENOUGH_REPLICAS)).toBe('not-appended');
  expect(produceOutcome(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)).toBe('gap');
});

test('errors after the append, and codes that this client does not know, leave the outcome unknown', () => {
  const afterAppend = [
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.KAFKA_STORAGE_ERROR,
    9_999,
  ];
  for (const code of afterAppend) expect(produceOutcome(code)).toBe('unknown');
});
