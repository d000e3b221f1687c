/**
 * An independent reader: the class behind Apache Kafka's own kafka-dump-log.sh reads our files. Needs java
 * and the folder KAFKA_HOME (default /opt/kafka) with Kafka's jars in libs/. This test runs with the
 * end-to-end tests, which provide both. Without java or the jars it is skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { MemoryLogger } from '@millrace/base/testing';
import { Compression } from '@millrace/protocol';
import { afterAll, expect, test } from 'vitest';
import { allRecords, cleanOnDisk, keyed, stateOf } from '../support/cleaning.ts';
import { append, batch, concat, NOW, openLog, sequenced, TOPIC_ID } from '../support/logs.ts';
import { RealDisk, temporaryDirectory } from '../support/real-disk.ts';

const libs = `${process.env['KAFKA_HOME'] ?? '/opt/kafka'}/libs`;
const tool = ['-Xmx256M', '-cp', `${libs}/*`, 'org.apache.kafka.tools.DumpLogSegments'];
const present = fs.existsSync(libs) && commandWorks('java', ['-version']);
const root = present ? temporaryDirectory() : '';
afterAll(() => {
  if (present) fs.rmSync(root, { recursive: true });
});

function commandWorks(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function dump(files: string[], ...options: string[]): string {
  return execFileSync('java', [...tool, '--files', files.join(','), ...options], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

function dumpEvenFailing(files: string[], ...options: string[]): string {
  const { stdout, stderr } = spawnSync('java', [...tool, '--files', files.join(','), ...options], {
    encoding: 'utf8',
  });
  return stdout + stderr;
}

test.skipIf(!present)(
  `kafka-dump-log.sh reads our segments, indexes and snapshots (needs java and KAFKA_HOME)`,
  { timeout: 60_000 },
  async () => {
    const directory = `${root}/orders-0`;
    const log = openLog({
      disk: new RealDisk(),
      directory,
      topicId: TOPIC_ID,
      logger: new MemoryLogger(),
      config: { segmentBytes: 40_000, indexIntervalBytes: 1000 },
    });
    const codecs = [
      Compression.NONE,
      Compression.GZIP,
      Compression.SNAPPY,
      Compression.LZ4,
      Compression.ZSTD,
    ];
    let sequence = 0;
    for (let i = 0; i < 150; i++) {
      const timestamps = [NOW + i * 7, NOW + i * 7 - 3, NOW + (i % 10)];
      const options = { valueBytes: 150, timestamps, compression: codecs[i % 5]! };
      append(log, sequenced(4711, sequence, 3, options), Math.floor(i / 40));
      sequence += 3;
      if (i % 10 === 9) append(log, batch(2, { values: [`value-${i}`, 'x'] }), Math.floor(i / 40));
    }
    log.truncateTo(log.endOffset - 5);
    const replicated = [1, 2].map((n) =>
      batch(2, { baseOffset: log.endOffset + (n - 1) * 2, leaderEpoch: 9, valueBytes: 2000 }),
    );
    expect(log.appendAsFollower(concat(replicated), NOW)).toMatchObject({ ok: true });
    const { endOffset } = log;
    await new Promise<void>((idle) => log.whenIdle(idle));
    log.close({ clean: true });

    const files = fs.readdirSync(directory).map((name) => `${directory}/${name}`);
    const logs = files.filter((name) => name.endsWith('.log'));
    expect(logs.length).toBeGreaterThan(1);

    const records = dump(logs, '--print-data-log', '--deep-iteration');
    const offsets = [...records.matchAll(/^\| offset: (\d+) /gm)].map((match) => Number(match[1]));
    expect(offsets).toEqual(Array.from({ length: endOffset }, (_, offset) => offset));
    expect(records).toContain('payload: value-139');
    expect(records).not.toMatch(/isvalid: false/i);
    for (const name of ['NONE', 'GZIP', 'SNAPPY', 'LZ4', 'ZSTD'])
      expect(records.toUpperCase()).toContain(`COMPRESSCODEC: ${name}`);

    const indexes = files.filter((name) => name.endsWith('.index') && fs.statSync(name).size > 0);
    const checked = dump(indexes, '--index-sanity-check');
    expect(checked.match(/passed sanity check/g)?.length).toBe(indexes.length);
    const mismatches = /mismatch|not (found|find)|corrupt|exception|out of order/i;
    expect(dump(indexes, '--verify-index-only')).not.toMatch(mismatches);
    const times = files.filter((name) => name.endsWith('.timeindex') && fs.statSync(name).size > 0);
    expect(times.length).toBe(logs.length);
    const snapshots = files.filter((name) => name.endsWith('.snapshot'));
    const listed = dump([...indexes, ...times, ...snapshots]);
    expect(listed).not.toMatch(mismatches);
    expect(listed).toMatch(/offset: \d+ position: \d+/);
    expect(listed).toMatch(/timestamp: \d+ offset: \d+/);
    expect(listed).toMatch(/producerId: 4711 producerEpoch: 0 coordinatorEpoch: -1 .* lastSequence: \d+/);

    // Write one wrong position into an index. The tool must report this. Otherwise, the absence of reports
    // above would prove nothing.
    const bytes = fs.readFileSync(indexes[0]!);
    bytes.writeInt32BE(bytes.readInt32BE(4) + 100, 4);
    fs.writeFileSync(indexes[0]!, bytes);
    expect(dumpEvenFailing([indexes[0]!], '--verify-index-only')).toMatch(mismatches);
  },
);

test.skipIf(!present)(
  'kafka-dump-log.sh reads what the cleaner and retention leave (needs java and KAFKA_HOME)',
  { timeout: 60_000 },
  async () => {
    const directory = `${root}/compacted-0`;
    const config = { segmentBytes: 20_000, indexIntervalBytes: 500, isCompacted: true };
    const log = openLog({ disk: new RealDisk(), directory, topicId: TOPIC_ID, config });
    for (let i = 0; i < 400; i++) {
      const compression = Object.values(Compression)[i % 5]!;
      const records = [`k${i % 37}=${'x'.repeat(i % 90)}${i}`, i === 250 ? 'gone' : `t${i % 7}=${i}`];
      const producer = { producerId: 4711, producerEpoch: 0, baseSequence: i * 2 };
      append(log, keyed(records, { compression, baseTimestamp: NOW + i, ...(i < 300 ? producer : {}) }));
    }
    await new Promise<void>((synced) => log.flush(() => synced()));
    const before = allRecords(log);
    const result = await cleanOnDisk(log, NOW);
    expect(result).toMatchObject({ ok: true, cleanedTo: log.activeBaseOffset });
    expect(allRecords(log).length).toBeLessThan(before.length / 2);
    expect(stateOf(allRecords(log))).toEqual(stateOf(before));
    // Retention removes the oldest segment.
    const { size: oldestBytes } = fs.statSync(`${directory}/00000000000000000000.log`);
    log.setConfig({ ...log.config, retentionBytes: log.sizeBytes - oldestBytes });
    expect(log.expire(log.endOffset, NOW)).toMatchObject({ isRaised: true });
    const removed = await new Promise((done) => log.removeNext(done));
    expect(removed).toMatchObject({ baseOffset: 0 });
    const after = allRecords(log);
    expect(Number.parseInt(after[0]!, 10)).toBeGreaterThanOrEqual(log.startOffset);
    expect(log.startOffset).toBeGreaterThan(0);
    await new Promise<void>((idle) => log.whenIdle(idle));
    log.close({ clean: true });

    const files = fs.readdirSync(directory).map((name) => `${directory}/${name}`);
    const logs = files.filter((name) => name.endsWith('.log'));
    const dumped = dump(logs, '--print-data-log', '--deep-iteration');
    const offsets = [...dumped.matchAll(/^\| offset: (\d+) /gm)].map((match) => Number(match[1]));
    expect(offsets).toEqual(after.map((record) => Number.parseInt(record, 10)));
    expect(dumped).not.toMatch(/isvalid: false/i);
    expect(dumped).toContain(`deleteHorizonMs: OptionalLong[${NOW + 86_400_000}]`);
    // The last batch of the producer keeps its sequence numbers, even without records.
    expect(dumped).toMatch(/baseOffset: 598 lastOffset: 599 count: \d .*lastSequence: 599 producerId: 4711/);
    const indexes = files.filter((name) => name.endsWith('.index') && fs.statSync(name).size > 0);
    const checked = dump(indexes, '--index-sanity-check');
    expect(checked.match(/passed sanity check/g)?.length).toBe(indexes.length);
    const times = files.filter((name) => name.endsWith('.timeindex') && fs.statSync(name).size > 0);
    const mismatches = /mismatch|not (found|find)|corrupt|exception|out of order/i;
    expect(dump([...indexes, ...times], '--verify-index-only')).not.toMatch(mismatches);
  },
);
