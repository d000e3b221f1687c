/** Goal: an error of the log becomes an error that a client expects from a coordinator, as in Kafka. */
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { clientError, isCommitted } from '../../src/runtime/client-errors.ts';
import { nameOf } from '../support/counter-machine.ts';

test.each([
  ['NONE', 'NONE'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_ENOUGH_REPLICAS', 'COORDINATOR_NOT_AVAILABLE'],
  ['REQUEST_TIMED_OUT', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_LEADER_OR_FOLLOWER', 'NOT_COORDINATOR'],
  ['KAFKA_STORAGE_ERROR', 'NOT_COORDINATOR'],
  ['MESSAGE_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
  ['RECORD_LIST_TOO_LARGE', 'UNKNOWN_SERVER_ERROR'],
  ['INVALID_FETCH_SIZE', 'UNKNOWN_SERVER_ERROR'],
  ['CORRUPT_MESSAGE', 'UNKNOWN_SERVER_ERROR'],
] as const)('%s becomes %s', (logError, expected) => {
  expect(nameOf(clientError(ErrorCode[logError]))).toBe(expected);
});

test('a batch below the high watermark is committed, even if the ISR shrank after the append', () => {
  expect(isCommitted(ErrorCode.NONE)).toBe(true);
  expect(isCommitted(ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND)).toBe(true);
  expect(isCommitted(ErrorCode.NOT_LEADER_OR_FOLLOWER)).toBe(false);
});
