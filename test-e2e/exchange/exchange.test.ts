/**
 * Goal: Apache Kafka and Millrace can use each other's log folders. Millrace recovers a folder that a real
 * Kafka broker wrote, a real Kafka broker serves a folder that Millrace wrote, and both compact the same
 * segments to the same records.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Uuid } from '@millrace/base';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { PartitionLog } from '../../packages/log/src/index.ts';
import { cacheFolder } from '../lib/paths.ts';
import { endOffsets } from '../lib/wire.ts';
import {
  allCleaned,
  DELETE_RETENTION_MS,
  type History,
  newUncleaned,
  SEGMENT_MS,
  topics,
  uncleaned,
  writeAll,
} from './history.ts';
import { JavaClient } from './java-client.ts';
import { clean, headersOf, OurFolder, OurProducers, recordLines, shorten } from './our-folder.ts';
import { addCheckpoints, PEER_NODE_ID, PeerFolder, until } from './peer-folder.ts';
import { deleteRecords, offsetOf, rawBatches } from './requests.ts';

const DAY_MS = 86_400_000;
/** Kafka serves these after its restart, from folders that we wrote. */
const OURS = ['ours-compacted', 'ours-retained'];
const untouched = { ...uncleaned, 'cleanup.policy': 'compact', 'segment.ms': String(DAY_MS) };

describe.skipIf('missing' in inject('tools').java || inject('isForeign'))('Apache Kafka 4.3.1', () => {
  let peer: PeerFolder;
  let java: JavaClient;
  let history: History;
  let folder: string;
  /**
   * For each topic: the records that Kafka served before its stop, and the offsets at which the log began and
   * ended.
   */
  const served = new Map<string, { records: string[]; start: number; end: number }>();
  const ids = new Map<string, Uuid>();

  beforeAll(async () => {
    folder = mkdtempSync(join(cacheFolder('work'), 'exchange-'));
    peer = await PeerFolder.start();
    java = await JavaClient.start(peer.server);
    history = await writeAll(peer, java);
    const [middle = 0] = peer.segments('deleted').slice(4);
    await deleteRecords(peer.server, 'deleted', middle + 2);
    await peer.untilBeginsAt('deleted', middle + 2, middle);
    for (const topic of ['compacted', 'compacted-transactions']) await peer.untilCleaned(topic);
    for (const topic of Object.keys(topics)) {
      const [end = -1] = await endOffsets(peer.server, topic);
      const start = await offsetOf(peer.server, topic, 'earliest');
      served.set(topic, { records: await java.read(topic), start, end });
    }
    for (const topic of OURS) ids.set(topic, await peer.create(topic, untouched));
    await peer.copyFrozen(join(folder, 'killed'));
    await peer.stop();
    for (const copy of ['clean', 'same']) cpSync(peer.directory, join(folder, copy), { recursive: true });
  }, 180_000);

  afterAll(async () => {
    await java?.stop();
    await peer?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('cleaned and deleted parts of what it wrote', () => {
    for (const topic of ['compacted', 'compacted-transactions']) {
      const { records, end } = served.get(topic)!;
      expect(records.length).toBeLessThan(end / 2);
    }
    expect(served.get('deleted')!.start).toBeGreaterThan(0);
    expect(peer.segments('codecs').length).toBeGreaterThan(5);
  });

  test.each(['clean', 'killed'])('wrote a folder that we recover (%s)', async (how) => {
    const directory = join(folder, how);
    expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(how === 'clean');
    const ours = new OurFolder(directory, PEER_NODE_ID);
    for (const [topic, { records, start, end }] of served) {
      const log = ours.open(topic);
      expect({ topic, start: log.startOffset, end: log.endOffset }).toEqual({ topic, start, end });
      expect(recordLines(log)).toEqual(records);
      expectProducers(log);
    }
    expect(headersOf(ours.open('__transaction_state')).length).toBeGreaterThan(0);
    await ours.close();
  });

  test('serves the same records from a folder that we wrote, compacted and shortened', async () => {
    const directory = join(folder, 'ours');
    const ours = new OurFolder(directory, PEER_NODE_ID);
    const logs = new Map<string, PartitionLog>();
    for (const topic of OURS)
      logs.set(
        topic,
        ours.open(topic, { segmentBytes: 4000, isCompacted: true, indexIntervalBytes: 200 }, ids.get(topic)),
      );
    const [compacted, retained] = [logs.get('ours-compacted')!, logs.get('ours-retained')!];
    const producers = new OurProducers(compacted);
    producers.append(300);
    new OurProducers(retained).append(300);
    const before = recordLines(compacted).length;
    await clean(compacted, Date.now());
    producers.append(60);
    await clean(compacted, Date.now() + 2 * DAY_MS);
    expect(recordLines(compacted).length).toBeLessThan(before / 2);
    await shorten(retained);
    const expected = OURS.map((topic) => ({
      topic,
      records: recordLines(logs.get(topic)!),
      start: logs.get(topic)!.startOffset,
      end: logs.get(topic)!.endOffset,
    }));
    await ours.close();

    for (const topic of OURS) {
      const target = join(peer.directory, `${topic}-0`);
      rmSync(target, { recursive: true });
      cpSync(join(directory, `${topic}-0`), target, { recursive: true });
    }
    addCheckpoints(directory, peer.directory, OURS);
    await peer.startAgain(OURS);
    for (const { topic, records, start, end } of expected) {
      expect(await endOffsets(peer.server, topic)).toEqual([end]);
      expect(await offsetOf(peer.server, topic, 'earliest')).toBe(start);
      expect(await java.read(topic)).toEqual(records);
      // Kafka finds an offset by timestamp in the index that we wrote.
      const [offset, timestamp] = records[Math.floor(records.length / 2)]!.split('\t').map(Number);
      expect(await offsetOf(peer.server, topic, timestamp!)).toBe(offset);
    }
  }, 120_000);

  test('compacts the same segments to the same records as we do', async () => {
    const ours = new OurFolder(join(folder, 'same'), PEER_NODE_ID);
    const log = ours.open('both', {
      isCompacted: true,
      segmentMs: SEGMENT_MS,
      deleteRetentionMs: DELETE_RETENTION_MS,
    });
    const before = recordLines(log);
    await clean(log, Date.now());
    await peer.alter('both', newUncleaned);
    await peer.untilCleaned('both');
    const cleanedAt = Date.now();
    const once = recordLines(log);
    expect(once.length).toBeLessThan(before.length / 2);
    expect(await java.read('both')).toEqual(once);
    expect(tombstones(once).length).toBeGreaterThan(0);

    // Both logs get the same further records. Meanwhile `delete.retention.ms` of the first tombstones ends.
    history.skipToNow();
    await history.idempotent('both', 2, 'later-');
    await history.end('both');
    const [end = 0] = await endOffsets(peer.server, 'both');
    const batches = await rawBatches(peer.server, 'both', log.endOffset, end);
    expect(log.appendAsFollower(batches, Date.now(), end)).toMatchObject({ ok: true, endOffset: end });
    await until('delete.retention.ms is over', () => Date.now() > cleanedAt + DELETE_RETENTION_MS);
    await clean(log, Date.now());
    await peer.alter('both', allCleaned);
    await peer.untilCleaned('both');
    const twice = recordLines(log);
    expect(await java.read('both')).toEqual(twice);
    expect(tombstones(twice).filter((line) => once.includes(line))).toEqual([]);
    expect(tombstones(twice).length).toBeGreaterThan(0);
    await ours.close();
  }, 120_000);
});

const tombstones = (lines: readonly string[]) => lines.filter((line) => line.endsWith('\t-'));

/** Expects the log to know the states of the idempotent producers that follow from its batches. */
function expectProducers(log: PartitionLog): void {
  const last = new Map<number, { epoch: number; sequence: number }>();
  for (const { producerId, producerEpoch, baseSequence, lastOffsetDelta, isTransactional } of headersOf(log))
    if (producerId >= 0 && !isTransactional)
      last.set(producerId, { epoch: producerEpoch, sequence: baseSequence + lastOffsetDelta });
  for (const [producerId, { epoch, sequence }] of last) {
    const state = log.producers.get(producerId);
    expect({ producerId, epoch: state?.epoch, sequence: state?.batches.at(-1)?.lastSequence }).toEqual({
      producerId,
      epoch,
      sequence,
    });
  }
}
