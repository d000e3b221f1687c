/** Goal: a consumer tries again after every error that may be temporary, and after no other error. */
import { ErrorCode, isRetriable } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { fetchOutcome } from '../../src/index.ts';

test('a position outside of the log is reset, and a refused client stops', () => {
  expect(fetchOutcome(ErrorCode.NONE)).toBe('none');
  expect(fetchOutcome(ErrorCode.OFFSET_OUT_OF_RANGE)).toBe('reset');
  expect(fetchOutcome(ErrorCode.TOPIC_AUTHORIZATION_FAILED)).toBe('fatal');
  expect(fetchOutcome(ErrorCode.INVALID_REQUEST)).toBe('fatal');
});

test('the consumer retries after every error that is retriable in Kafka, and after unknown codes', () => {
  for (const code of Object.values(ErrorCode))
    if (isRetriable(code)) expect([code, fetchOutcome(code)]).toEqual([code, 'retry']);
  expect(fetchOutcome(9_999)).toBe('retry');
});
