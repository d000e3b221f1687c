/**
 * Goal: a batch causes work only for the families that it changes. Method: the test applies one record of
 * each family, and checks that the other families keep their objects.
 */
import type { Uuid } from '@millrace/base';
import { expect, test } from 'vitest';
import type { ReplayFunctions } from '../src/draft.ts';
import { MetadataImage } from '../src/image.ts';
import type { MetadataRecord } from '../src/records.ts';
import { applyRecords } from '../src/replay.ts';

const id = 'Zm9vYmFyYmF6cXV1eDEyMw' as Uuid;
const partition = { replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 };
const topic: MetadataRecord[] = [
  { type: 'topic', name: 't', topicId: id },
  { type: 'partition', topicId: id, partition: 0, ...partition },
];
const configured: MetadataRecord = { type: 'config', resourceType: 'topic', resourceName: 't', name: 'n' };
const base = applyRecords(MetadataImage.EMPTY, {
  baseOffset: 0,
  epoch: 1,
  records: [...topic, { ...configured, value: 'v' }],
}).image;

test.each<[string[], MetadataRecord]>([
  [['brokers'], { type: 'registerBroker', brokerId: 1, incarnationId: id, listeners: [], logDirs: [] }],
  [['topics'], { type: 'partitionChange', topicId: id, partition: 0, leader: -1 }],
  [['configs'], { ...configured, value: 'w' }],
  [['producerIds'], { type: 'producerIds', brokerId: 1, brokerEpoch: 0, nextProducerId: 1000 }],
  [['topics', 'configs'], { type: 'removeTopic', topicId: id }],
  [[], { type: 'noOp' }],
])('only %j changes; every other part stays the same object', (changed, record) => {
  const { image } = applyRecords(base, { baseOffset: 9, epoch: 1, records: [record] });
  const families = ['brokers', 'topics', 'configs', 'producerIds'] as const;
  expect(families.filter((family) => image[family] !== base[family])).toEqual(changed);
});

test('the compiler asks for the replay function of every type of record', () => {
  // @ts-expect-error removeTopic has no replay function
  const incomplete: ReplayFunctions<'topic' | 'removeTopic'> = { topic: () => {} };
  expect(Object.keys(incomplete)).toEqual(['topic']);
});
