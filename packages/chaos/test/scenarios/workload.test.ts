/** Goal: the clients of a run record what truly happened. Method: one real broker in this process. */
import { startCluster } from '@millrace/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../src/workload/context.ts';
import { finalRead } from '../../src/workload/final-read.ts';
import { WorkloadReader } from '../../src/workload/reader.ts';
import { WorkloadWriter, type WriterOptions } from '../../src/workload/writer.ts';
import { createTopic, finalsOf, pollsOf, recording, sendsOf } from '../workload/cluster.ts';

let cluster: Awaited<ReturnType<typeof startCluster>>;
beforeAll(async () => {
  cluster = await startCluster({ brokers: 1, settings: { 'logger.level': 'silent' } });
});
afterAll(() => cluster.stop());

const writer = (topic: string): WriterOptions => ({
  name: 'w1',
  topic,
  partitions: 2,
  acks: -1,
  idempotent: true,
  paceMs: 2,
});

test('what a writer got acknowledged, a reader and the final read find at the same offsets', async () => {
  await createTopic(cluster.bootstrapServers, 'orders', 2);
  const context = recording(cluster.bootstrapServers);
  const reading = await WorkloadReader.start(context, { name: 'r1', topic: 'orders' });
  const writing = await WorkloadWriter.start(context, { ...writer('orders'), keys: 3 });
  expect(await until(() => sendsOf(context.lines).length >= 40, 10_000)).toBe(true);
  await writing.stop(5_000);
  const sends = sendsOf(context.lines);
  const read = () => pollsOf(context.lines).flatMap(({ records }) => records).length;
  expect(await until(() => read() >= sends.length, 10_000)).toBe(true);
  await reading.stop();
  await finalRead(context, { topics: ['orders'], timeoutMs: 10_000 });

  expect(new Set(sends.map(({ outcome }) => outcome))).toEqual(new Set(['ok']));
  expect(sends.every(({ invokedUs, endedUs }) => endedUs >= invokedUs)).toBe(true);
  for (const partition of [0, 1]) {
    const sent = sends
      .filter((send) => send.partition === partition)
      .map(({ baseOffset, values }) => [baseOffset, values[0]]);
    const places = (records: readonly { readonly offset: number; readonly value: string }[]) =>
      records.map(({ offset, value }) => [offset, value]);
    const polled = pollsOf(context.lines).filter((poll) => poll.partition === partition);
    const finals = finalsOf(context.lines).filter((line) => line.partition === partition);
    expect(polled.flatMap(({ records }) => places(records))).toEqual(sent);
    expect(finals.flatMap(({ records }) => places(records))).toEqual(sent);
  }
});

test('an empty partition has a final line, too; a missing topic is refused', async () => {
  await createTopic(cluster.bootstrapServers, 'empty', 1);
  const context = recording(cluster.bootstrapServers);
  await finalRead(context, { topics: ['empty'], timeoutMs: 10_000 });
  expect(context.lines).toEqual([{ line: 'final', topic: 'empty', partition: 0, records: [] }]);
  await expect(finalRead(context, { topics: ['nowhere'], timeoutMs: 10_000 })).rejects.toThrow(
    "topic 'nowhere' of the workload does not exist",
  );
});

test('with acks=0 a writer has no offsets; with acks=1 it has them', async () => {
  await createTopic(cluster.bootstrapServers, 'weak', 1);
  for (const acks of [0, 1] as const) {
    const context = recording(cluster.bootstrapServers);
    const options = { ...writer('weak'), name: `w${acks}`, partitions: 1, acks, idempotent: false };
    const writing = await WorkloadWriter.start(context, options);
    expect(await until(() => sendsOf(context.lines).length >= 3, 10_000)).toBe(true);
    await writing.stop(5_000);
    const known = sendsOf(context.lines).map(({ baseOffset }) => baseOffset !== undefined);
    expect(new Set(known)).toEqual(new Set([acks === 1]));
  }
});

test('a writer to a partition that never answers ends in time, and says that nothing was appended', async () => {
  const context = recording(cluster.bootstrapServers);
  const writing = await WorkloadWriter.start(context, { ...writer('absent'), paceMs: 10 });
  await until(() => false, 100);
  const beganMs = performance.now();
  await Promise.all([writing.stop(200), writing.stop(200)]);
  expect(performance.now() - beganMs).toBeLessThan(2_000);
  const sends = sendsOf(context.lines);
  expect(sends.length).toBeGreaterThan(3);
  expect(new Set(sends.map(({ outcome }) => outcome))).toEqual(new Set(['fail']));
});

test.each([
  [{ partitions: 0 }, 'partitions must be 1 or more'],
  [{ paceMs: 0 }, 'paceMs must be 1 or more'],
  [{ keys: -1 }, 'keys must be 0 or more'],
  [{ acks: 1 as const }, 'an idempotent writer needs acks=all'],
])('a writer refuses %j', async (wrong, message) => {
  const context = recording(cluster.bootstrapServers);
  await expect(WorkloadWriter.start(context, { ...writer('orders'), ...wrong })).rejects.toThrow(message);
});
