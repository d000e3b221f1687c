/**
 * Not a test: measures an append on a real disk, and the bare write call for comparison. Run `node
 * packages/log/test/append-speed.ts`. The appends cycle through 1,000 copies of a batch. A single copy would
 * stay in the CPU's cache, unlike batches from a socket.
 */
import fs from 'node:fs';
import type { Logger } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { checkBatchCrc } from '@millrace/protocol';
import { batch, NOW, openLog } from './support/logs.ts';
import { RealDisk, temporaryDirectory } from './support/real-disk.ts';

const root = temporaryDirectory();

function measure(label: string, count: number, work: (index: number) => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) work(i);
  const microseconds = Number(process.hrtime.bigint() - start) / 1000 / count;
  console.log(`${label.padEnd(40)} ${microseconds.toFixed(2)} us`);
  return microseconds;
}

for (const valueBytes of [900, 16_000]) {
  const template = batch(1, { valueBytes });
  const count = Math.floor(400e6 / template.length / (valueBytes > 1000 ? 1 : 2));
  const pool = Array.from({ length: 1000 }, () => new Uint8Array(template));
  const log = openLog({
    disk: new RealDisk(),
    directory: `${root}/speed-${valueBytes}`,
    logger: new MemoryLogger() as Logger,
  });
  const fresh = (i: number): Uint8Array => {
    const bytes = pool[i % 1000]!;
    bytes.fill(0, 0, 8);
    return bytes;
  };
  for (let round = 0; round < 3; round++) {
    console.log(`-- ${template.length} bytes, ${count} times`);
    const file = fs.openSync(`${root}/bare-${valueBytes}-${round}`, 'w');
    const bare = measure(
      'bare write',
      count,
      (i) => void fs.writeSync(file, fresh(i), 0, template.length, i * template.length),
    );
    fs.closeSync(file);
    fs.rmSync(`${root}/bare-${valueBytes}-${round}`);
    measure('checksum alone', count, (i) => void checkBatchCrc(fresh(i), 0, template.length));
    const total = measure('appendAsLeader', count, (i) => {
      const answer = log.appendAsLeader(fresh(i), { leaderEpoch: 0, nowWallMs: NOW });
      if (!answer.ok) throw new Error(answer.message);
    });
    console.log(`beyond the write: ${(total - bare).toFixed(2)} us; ${(template.length / total) | 0} MB/s`);
  }
  let offset = 0;
  const started = performance.now();
  let bytesRead = 0;
  while (offset < log.endOffset - 2000) {
    const { chunks, sizeBytes } = log.read({
      fromOffset: offset,
      endOffsetMax: log.endOffset,
      maxBytes: 1 << 20,
      atLeastOneBatch: true,
    });
    bytesRead += sizeBytes;
    offset += chunks.reduce((sum, chunk) => sum + chunk.length / template.length, 0);
  }
  console.log(`read ${(bytesRead / (performance.now() - started) / 1000) | 0} MB/s`);
  log.close({ clean: false });
}
fs.rmSync(root, { recursive: true });
