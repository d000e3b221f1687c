/**
 * Goal: members of a group record what truly happened, and the checkers find nothing wrong with a correct
 * broker. Method: one real broker in this process, a history in memory, and the checkers over it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@millrace/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkHistory } from '../../src/checking/check.ts';
import { HistoryWriter } from '../../src/history/writer.ts';
import { until } from '../../src/workload/context.ts';
import { finalRead } from '../../src/workload/final-read.ts';
import { WorkloadGroupMember } from '../../src/workload/group-member.ts';
import { WorkloadWriter } from '../../src/workload/writer.ts';
import { endLine, runLine } from '../history/lines.ts';
import { createTopic, opsOf, recording } from '../workload/cluster.ts';

let cluster: Awaited<ReturnType<typeof startCluster>>;
const folder = mkdtempSync(join(tmpdir(), 'chaos-group-'));
beforeAll(async () => {
  cluster = await startCluster({ brokers: 1, settings: { 'logger.level': 'silent' } });
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

test.each(['classic', 'consumer'] as const)(
  'two %s members after each other read everything once, and the history passes',
  async (protocol) => {
    const context = recording(cluster.bootstrapServers);
    const [topic, group] = [`for-${protocol}`, `group-${protocol}`];
    await createTopic(cluster.bootstrapServers, topic, 2);
    const writing = await WorkloadWriter.start(context, {
      ...{ name: 'w1', topic, partitions: 2, acks: -1, idempotent: true, paceMs: 5 },
    });
    const member = (name: string) => ({ name, topic, group, protocol, autoCommitMs: 100 });
    const commitsOf = (name: string) =>
      opsOf(context.lines).filter((op) => op.type === 'commit' && op.client === name && op.outcome === 'ok');
    for (const name of ['g1', 'g2']) {
      const reading = await WorkloadGroupMember.start(context, member(name));
      expect(await until(() => commitsOf(name).length >= 3, 15_000)).toBe(true);
      await reading.stop(5_000);
      await reading.stop(5_000);
    }
    await writing.stop(5_000);
    await finalRead(context, { topics: [topic], timeoutMs: 10_000 });

    const ops = opsOf(context.lines);
    const begun = ops.filter((op) => op.type === 'fetch-offset' && op.client === 'g2' && op.offset > 0);
    expect(begun.length).toBeGreaterThan(0);
    expect(ops.filter(({ type }) => type === 'membership').length).toBeGreaterThanOrEqual(2);
    const values = ops.flatMap((op) => (op.type === 'poll' ? op.records.map(({ value }) => value) : []));
    expect(new Set(values).size).toBe(values.length);

    const file = join(folder, `${protocol}.jsonl`);
    const history = new HistoryWriter(file);
    for (const line of [runLine(), ...context.lines, endLine(context.nowUs())]) history.add(line);
    await history.close();
    expect(await checkHistory(file)).toMatchObject({ isGood: true, anomalies: [] });
  },
  30_000,
);
