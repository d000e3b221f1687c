/** The invariants of every image, and of every step from one image to the next. */
import type { MetadataImage } from '@millrace/metadata';
import { expect } from 'vitest';

/** The min.insync.replicas by which the leader commits. */
function minIsrOf(image: MetadataImage, topic: string, leader: number): number {
  const set = image.topicConfig(topic).get('min.insync.replicas');
  const all = image.brokerConfig('').get('min.insync.replicas');
  return Number(set ?? all ?? image.broker(leader)?.minInsyncReplicas ?? 1);
}

export function violations(image: MetadataImage): string[] {
  const found: string[] = [];
  for (const name of image.topicNames) {
    image.topic(name)!.partitions.forEach(({ replicas, isr, elr, leader }, index) => {
      const say = (what: string) => found.push(`${name}/${index}: ${what}`);
      if (replicas.length === 0 || new Set(replicas).size < replicas.length) say('replicas');
      if (isr.length === 0 || new Set(isr).size < isr.length) say('an empty ISR, or one with duplicates');
      if (!isr.every((id) => replicas.includes(id))) say('ISR outside the replicas');
      if (leader !== -1 && !isr.includes(leader)) say('leader outside the ISR');
      if (leader !== -1 && !image.isActive(leader)) say('a leader that is not active');
      const mayCommit =
        leader !== -1 && isr.length >= Math.min(minIsrOf(image, name, leader), replicas.length);
      if (mayCommit && elr.length > 0) say('an ELR, though the leader may commit without it');
      if (leader === -1 && isr.some((id) => image.isActive(id))) say('no leader though one could lead');
      if (leader !== -1 && isr.some((id) => !image.isActive(id))) say('an ISR member that is not active');
    });
  }
  return found;
}

export function checkImage(image: MetadataImage, excused?: string): void {
  const found = violations(image);
  expect(excused === undefined ? found : found.filter((what) => !what.endsWith(`: ${excused}`))).toEqual([]);
}

export function checkStep(before: MetadataImage, after: MetadataImage): void {
  expect(after.offset).toBeGreaterThan(before.offset);
  expect(after.nextProducerId).toBeGreaterThanOrEqual(before.nextProducerId);
  for (const { id, epoch } of before.sortedBrokers()) {
    expect(after.broker(id)?.epoch ?? epoch).toBeGreaterThanOrEqual(epoch);
  }
  for (const name of before.topicNames) {
    const topic = before.topic(name)!;
    const now = after.topicById(topic.id);
    if (now === undefined || now === topic) continue;
    topic.partitions.forEach((old, index) => {
      const partition = now.partitions[index]!;
      if (partition === old) return;
      expect(partition.partitionEpoch).toBeGreaterThan(old.partitionEpoch);
      expect(partition.leaderEpoch).toBeGreaterThanOrEqual(old.leaderEpoch);
      if (partition.leader !== old.leader) expect(partition.leaderEpoch).toBeGreaterThan(old.leaderEpoch);
    });
  }
}
