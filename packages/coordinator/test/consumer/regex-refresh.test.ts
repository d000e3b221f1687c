import type { Uuid } from '@millrace/base';
import { applyRecords, MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { expect, it } from 'vitest';
import { RegexRefresh } from '../../src/consumer/regex-refresh.ts';
import { FakeShardPort } from '../../src/testing/index.ts';
import { RuntimeHost } from '../support/runtime-host.ts';

function topics(count: number): MetadataImage {
  const partition = { type: 'partition', partition: 0, replicas: [1], isr: [1], leader: 1 } as const;
  const records = Array.from({ length: count }, (_, i): MetadataRecord[] => {
    const name = `t${i}`;
    const topicId = `${name.padEnd(21, 'x')}A` as Uuid;
    return [
      { type: 'topic', name, topicId },
      { ...partition, topicId, leaderEpoch: 0, partitionEpoch: 0 },
    ];
  }).flat();
  return applyRecords(MetadataImage.EMPTY, { baseOffset: 0, epoch: 1, records }).image;
}

function refreshed(regex: string) {
  const port = new FakeShardPort();
  port.metadata = topics(2_500);
  const found: number[] = [];
  const refresh = new RegexRefresh(port, (resolved) => found.push(resolved.get(regex)!.topics.size));
  refresh.start([regex]);
  return { port, refresh, found };
}

it('lets other timers run between its slices, even if the clock does not move within a turn', () => {
  const { port, refresh, found } = refreshed('t1.*');
  const order: string[] = [];
  port.after(1, () => order.push(refresh.isRunning ? 'between' : 'behind'));
  port.after(2, () => order.push(refresh.isRunning ? 'between' : 'behind'));
  port.advance(100);
  expect([order, found, refresh.isRunning]).toEqual([['between', 'between'], [1_111], false]);
});

it('reports no result if it is cancelled between its slices', () => {
  const { port, refresh, found } = refreshed('t1.*');
  port.advance(1);
  refresh.cancel();
  port.advance(100);
  expect([found, refresh.isRunning, port.timerCount]).toEqual([[], false, 0]);
});

it('runs at most one slice in a turn, however many groups of the broker refresh', () => {
  const host = new RuntimeHost();
  const { port } = host.active();
  const finished: string[] = [];
  const refreshes = ['a', 'b', 'c', 'd'].map((group) => new RegexRefresh(port, () => finished.push(group)));
  for (const refresh of refreshes) refresh.start(['word.*']);
  refreshes[2]!.cancel();
  const turns = Array.from({ length: 4 }, () => {
    host.clock.advance(1);
    return finished.splice(0).join(' ');
  });
  expect(turns).toEqual(['a', 'b', 'd', '']);
});
