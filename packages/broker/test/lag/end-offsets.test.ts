import { Timers } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import type { MetadataImage } from '@millrace/metadata';
import { expect, test } from 'vitest';
import { endOffsets } from '../../src/lag/end-offsets.ts';
import { TOPIC_ID } from '../support/broker.ts';

test('`endOffsets` gathers the partitions of one leader in linear time', () => {
  let asked = 0;
  const image = {
    partition: () => ({ leader: 2 }),
    // The leader has just left the cluster, so it has no address, and nobody asks it.
    broker: () => void asked++,
  } as unknown as MetadataImage;
  const ports = {
    brokerId: 1,
    net: undefined as never,
    timers: new Timers(new ManualClock()),
    listenerName: 'INTERNAL',
    image: () => image,
    highWatermark: () => undefined,
  };
  const wanted = Array.from({ length: 60_000 }, (_, partition) => ({
    topic: 'words',
    topicId: TOPIC_ID,
    partition,
  }));
  let known = -1;
  const beganMs = performance.now();
  endOffsets(ports, wanted, (ends) => {
    known = ends.size;
  });
  expect([asked, known]).toEqual([1, 0]);
  // Code that copied a growing list for each partition would take some seconds.
  expect(performance.now() - beganMs).toBeLessThan(2_000);
});
