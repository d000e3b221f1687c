/**
 * Goal: a request to delete records ends although other requests spend the work of every turn. Method: the
 * service alone, with a budget that stays empty.
 */
import { ZERO_UUID } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, test } from 'vitest';
import type { RecordsDeleted } from '../../src/index.ts';
import { DeleteRecordsService } from '../../src/serving/delete-records-service.ts';

test('without any work to spend, each later turn begins one deletion', () => {
  const later: (() => void)[] = [];
  let begun = 0;
  const service = new DeleteRecordsService({
    turnBudget: { work: 0 },
    parkedMax: 10,
    find: () => {
      begun++;
      return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, currentLeader: undefined };
    },
    after: () => () => {},
    inLaterTurn: (callback) => later.push(callback),
  });
  const partitions = [0, 1, 2].map((partition) => ({ topicId: ZERO_UUID, partition, offset: 1 }));
  let results: RecordsDeleted[] | undefined;
  service.delete({ clientId: 'admin', timeoutMs: 5000, partitions }, (all) => (results = all));
  for (let turn = 0; turn < 3; turn++) {
    expect([begun, results]).toEqual([turn, undefined]);
    later.shift()!();
  }
  expect([begun, results?.length, later]).toEqual([3, 3, []]);
});
