/** Goal: a producer never calls a batch lost that the log may have, nor retries in vain. */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { produceOutcome } from '../../src/index.ts';

test('a duplicate is as good as an acknowledgement', () => {
  expect(produceOutcome(ErrorCode.NONE)).toBe('acknowledged');
  expect(produceOutcome(ErrorCode.DUPLICATE_SEQUENCE_NUMBER)).toBe('acknowledged');
});

test('errors at the door end the batch, errors before the append do not', () => {
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
