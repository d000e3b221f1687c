/**
 * Goal: no client ends when the only broker dies; all continue after its restart, and the history of the
 * outage passes the checkers. Method: a real broker in this process, ended as a crash would end it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@millrace/node';
import { expect, test } from 'vitest';
import { checkHistory } from '../../src/checking/check.ts';
import { HistoryWriter } from '../../src/history/writer.ts';
import { until } from '../../src/workload/context.ts';
import { finalRead } from '../../src/workload/final-read.ts';
import { WorkloadGroupMember } from '../../src/workload/group-member.ts';
import { WorkloadReader } from '../../src/workload/reader.ts';
import { WorkloadWriter } from '../../src/workload/writer.ts';
import { endLine, runLine } from '../history/lines.ts';
import { createTopic, opsOf, recording } from '../workload/cluster.ts';

test('writer, reader and group member continue after the broker crashed', async () => {
  const cluster = await startCluster({ brokers: 1, settings: { 'logger.level': 'silent' } });
  const folder = mkdtempSync(join(tmpdir(), 'chaos-crash-'));
  try {
    const topic = 'orders';
    const context = recording(cluster.bootstrapServers);
    await createTopic(cluster.bootstrapServers, topic, 2);
    const writer = { name: 'w1', topic, partitions: 2, acks: -1, idempotent: true, paceMs: 5 } as const;
    const clients = [
      await WorkloadWriter.start(context, writer),
      await WorkloadReader.start(context, { name: 'r1', topic }),
      await WorkloadGroupMember.start(context, { name: 'g1', topic, group: 'billing', autoCommitMs: 100 }),
    ];
    /** Whether each client has had a success since this moment. */
    const areActive = (sinceUs: number) => {
      const recent = opsOf(context.lines).filter(({ endedUs }) => endedUs > sinceUs);
      return (
        recent.some((op) => op.type === 'send' && op.outcome === 'ok') &&
        recent.some((op) => op.type === 'poll' && op.client === 'r1') &&
        recent.some((op) => op.type === 'commit' && op.outcome === 'ok')
      );
    };
    expect(await until(() => areActive(0), 15_000)).toBe(true);
    const id = cluster.nodes.find(({ port }) => port !== undefined)!.id;
    await cluster.kill(id);
    const killedUs = context.nowUs();
    await until(() => false, 300);
    const sends = opsOf(context.lines).filter(({ type }) => type === 'send');
    expect(sends.filter(({ endedUs }) => endedUs > killedUs)).toEqual([]);
    await cluster.startNode(id);
    const restartedUs = context.nowUs();
    expect(await until(() => areActive(restartedUs), 20_000)).toBe(true);
    for (const client of clients) await client.stop(5_000);
    await finalRead(context, { topics: [topic], timeoutMs: 10_000 });

    const file = join(folder, 'history.jsonl');
    const history = new HistoryWriter(file);
    for (const line of [runLine(), ...context.lines, endLine(context.nowUs())]) history.add(line);
    await history.close();
    expect(await checkHistory(file, { weightMax: 1 })).toMatchObject({ isGood: true, anomalies: [] });
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
