/** Goal: nobody is refused for longer than needed for a refusal of long ago. Method: the memory alone, with a log that is asked. */
import { MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { DEFAULT_LOG_CONFIG, PartitionLog } from '@millrace/log';
import { buildBatch } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { expect, test } from 'vitest';
import { RefusedBeforehand, RefusedProducers } from '../src/refused-producers.ts';

const MINUTE_MS = 60_000;

const batch = (baseSequence: number, producerId = 7, producerEpoch = 0) =>
  buildBatch({
    baseTimestamp: 0,
    records: [{ value: new Uint8Array(1) }],
    producerId,
    producerEpoch,
    baseSequence,
  });

const emptyLog = () =>
  PartitionLog.open({
    disk: new MemoryDisk(),
    directory: '/data/t-0',
    nowWallMs: 0,
    cleanShutdown: false,
    codecs: compressionCodecs,
    logger: new MemoryLogger(),
    config: DEFAULT_LOG_CONFIG,
  });

test('what follows a refused first batch waits, for as long as that one may be sent again', () => {
  const refused = new RefusedProducers();
  const log = emptyLog();
  refused.refused(batch(0), 0);
  expect(refused.mustWait(batch(1), log, 5 * MINUTE_MS)).toBe(true);
  expect(refused.mustWait(batch(0), log, 0)).toBe(false);
  expect(refused.mustWait(batch(1, 7, 1), log, 0)).toBe(false);
  expect(refused.mustWait(batch(1), log, 5 * MINUTE_MS + 1)).toBe(false);
  expect(refused.isEmpty).toBe(true);
});

test('a producer that the log has come to know waits no more, also when the log has forgotten it again', () => {
  const refused = new RefusedProducers();
  const log = emptyLog();
  refused.refused(batch(0), 0);
  // By replication.
  log.appendAsLeader(batch(0), { leaderEpoch: 0, nowWallMs: 0 });
  expect(refused.mustWait(batch(1), log, 1)).toBe(false);
  log.producers.clear();
  expect(refused.mustWait(batch(1), log, 1)).toBe(false);
});

test('a replica that is opened takes over what was refused under the id and the name of its topic', () => {
  const beforehand = new RefusedBeforehand();
  beforehand.refused('id', 0, batch(0, 1), 0);
  beforehand.refused('name', 0, batch(0, 2), 0);
  beforehand.refused('name', 1, batch(0, 3), 0);
  beforehand.refused('name', 0, batch(5, 4), 0);
  const log = emptyLog();
  const taken = beforehand.take({ topicId: 'id', topic: 'name', index: 0 });
  expect([1, 2, 3, 4].map((id) => taken.mustWait(batch(9, id), log, 0))).toEqual([true, true, false, false]);
  expect(beforehand.take({ topicId: 'id', topic: 'name', index: 0 }).isEmpty).toBe(true);
});
