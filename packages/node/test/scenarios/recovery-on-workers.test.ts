/** A worker thread of a node checks the batches that recovery reads. */
import type { JobOutcome } from '@millrace/base';
import { MemoryLogger } from '@millrace/base/testing';
import { recoveryJobs } from '@millrace/log';
import { buildBatch } from '@millrace/protocol';
import { expect, test } from 'vitest';
import { NodeJobs } from '../../src/io/jobs.ts';

test('a worker thread finds the batch whose checksum is wrong', async () => {
  const jobs = new NodeJobs({ logger: new MemoryLogger() });
  const check = (bytes: Uint8Array) =>
    new Promise<JobOutcome<number | undefined>>((done) => {
      expect(jobs.start(recoveryJobs.checkBatches, bytes, undefined, done)).toBeDefined();
    });
  try {
    const whole = new Uint8Array(
      buildBatch({ baseTimestamp: 1, records: [{ key: null, value: new Uint8Array(1_000) }] }),
    );
    const damaged = whole.slice();
    damaged[damaged.length - 1]! ^= 1;
    expect(await check(whole)).toMatchObject({ ok: true, value: undefined });
    expect(await check(damaged)).toMatchObject({ ok: true, value: 0 });
  } finally {
    await jobs.close();
  }
}, 30_000);
