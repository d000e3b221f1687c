/**
 * Goal: the image follows exactly from its records, in batches of any size, and a delta names exactly the
 * changes. Method: random histories, compared with a plain model; scenarios that must end the node.
 */
import type { Uuid } from '@millrace/base';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MetadataDelta } from '../src/delta.ts';
import { imageToPlain, MetadataImage } from '../src/image.ts';
import { decodeRecord, encodeRecord, type MetadataRecord } from '../src/records.ts';
import { applyRecords } from '../src/replay.ts';
import { historyOf, type Model } from './support/history.ts';

const draws = fc.array(fc.nat(10_000), { maxLength: 60 });
const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 });

/** Replays in batches of the given sizes, from offset 0 without gaps. */
function replay(records: readonly MetadataRecord[], sizes: readonly number[]) {
  let image = MetadataImage.EMPTY;
  const deltas: MetadataDelta[] = [];
  /** The text of each image, taken when the image was created. */
  const texts: string[] = [];
  let at = 0;
  for (let turn = 0; at < records.length; turn++) {
    let end = at + sizes[turn % sizes.length]!;
    // A topic and its first partitions come in one batch, because they are one decision.
    while (records[end]?.type === 'partition') end++;
    const batch = records.slice(at, end);
    const step = applyRecords(image, { baseOffset: at, epoch: 1, records: batch });
    image = step.image;
    deltas.push(step.delta);
    texts.push(JSON.stringify(imageToPlain(image)));
    at += batch.length;
  }
  return { image, deltas, texts };
}

function expectModel(image: MetadataImage, model: Model): void {
  expect([...image.topicNames]).toEqual([...model.topics.values()].map(({ name }) => name).sort());
  for (const [id, topic] of model.topics) {
    expect(image.topicById(id)).toEqual({ id, name: topic.name, partitions: topic.partitions });
    expect(new Map(image.topicConfig(topic.name))).toEqual(model.topicConfigs.get(topic.name) ?? new Map());
  }
  expect(image.configs.byTopic.size).toBe(model.topicConfigs.size);
  expect(image.sortedBrokers().map(({ id, epoch, fenced }) => [id, epoch, fenced])).toEqual(
    [...model.brokers].sort(([a], [b]) => a - b).map(([id, { epoch, fenced }]) => [id, epoch, fenced]),
  );
  expect(image.nextProducerId).toBe(model.nextProducerId);
}

/** Finds the partitions of each broker without the replica index, and compares them with the index. */
function expectIndex(image: MetadataImage): void {
  for (let broker = 0; broker < 5; broker++) {
    const slow: string[] = [];
    for (const name of image.topicNames) {
      image.topic(name)!.partitions.forEach((partition, index) => {
        if (partition.replicas.includes(broker)) slow.push(`${name}/${index}`);
      });
    }
    const fast = [...image.partitionsOf(broker)].map(({ topic, index }) => `${topic.name}/${index}`);
    expect(fast.sort()).toEqual(slow.sort());
    expect(image.replicaCount(broker)).toBe(slow.length);
  }
}

describe('replay', () => {
  test('gives the same as a plain model, in batches of any size, also from decoded records', () => {
    fc.assert(
      fc.property(draws, cuts, (numbers, sizes) => {
        const { records, model } = historyOf(numbers);
        const { image } = replay(records, sizes);
        expectModel(image, model);
        expectIndex(image);
        const decoded = replay(records.map(encodeRecord).map(decodeRecord), [3]).image;
        expect(imageToPlain(decoded)).toEqual(imageToPlain(image));
        expect(image.offset).toBe(records.length - 1);
      }),
      { numRuns: 300 },
    );
  });

  test('does not change earlier images', () => {
    fc.assert(
      fc.property(draws, cuts, (numbers, sizes) => {
        const { deltas, texts } = replay(historyOf(numbers).records, sizes);
        expect(deltas.map(({ image }) => JSON.stringify(imageToPlain(image)))).toEqual(texts);
      }),
      { numRuns: 100 },
    );
  });

  test('a delta names every difference; merged deltas equal the delta of the whole', () => {
    fc.assert(
      fc.property(draws, cuts, (numbers, sizes) => {
        const { records } = historyOf(numbers);
        const { image, deltas } = replay(records, sizes);
        for (const delta of deltas) expectDelta(delta);
        const [first, ...rest] = deltas;
        if (first === undefined) return;
        const merged = rest.reduce((sum, delta) => sum.merge(delta), first);
        expectDelta(merged);
        expect(merged.previous).toBe(MetadataImage.EMPTY);
        expect(merged.image).toBe(image);
        expect(merged.createdTopics.map(({ name }) => name)).toEqual(image.topicNames);
        expect(merged.deletedTopics).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

/** Compares all objects of the two images. The delta must name the differences. */
function expectDelta(delta: MetadataDelta): void {
  const { previous, image } = delta;
  const ids = (of: MetadataImage) => of.topicNames.map((name) => of.topic(name)!.id);
  const only = (here: Uuid[], there: Uuid[]) => here.filter((id) => !there.includes(id));
  expect(delta.createdTopics.map(({ id }) => id)).toEqual(only(ids(image), ids(previous)));
  expect(delta.deletedTopics.map(({ id }) => id)).toEqual(only(ids(previous), ids(image)));
  const named = new Set(delta.changedPartitions.map(({ topic, partition }) => `${topic}/${partition}`));
  for (const name of image.topicNames) {
    const topic = image.topic(name)!;
    topic.partitions.forEach((partition, index) => {
      const before = previous.partition(topic.id, index);
      if (JSON.stringify(before) !== JSON.stringify(partition)) expect(named).toContain(`${name}/${index}`);
      else expect(named).not.toContain(`${name}/${index}`);
    });
    const sameConfigs =
      JSON.stringify([...image.topicConfig(name)]) === JSON.stringify([...previous.topicConfig(name)]);
    if (!sameConfigs) expect(delta.changedConfigs).toContain(name);
  }
  for (const { id } of image.sortedBrokers()) {
    if (image.broker(id) !== previous.broker(id)) expect(delta.changedBrokers).toContain(id);
  }
}

describe('images', () => {
  const id = 'Zm9vYmFyYmF6cXV1eDEyMw' as Uuid;
  const topic = (name: string): MetadataRecord[] => [
    { type: 'topic', name, topicId: id },
    {
      type: 'partition',
      topicId: id,
      partition: 0,
      replicas: [1, 2],
      isr: [1, 2],
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 0,
    },
  ];
  const after = (...records: MetadataRecord[]) =>
    applyRecords(MetadataImage.EMPTY, { baseOffset: 10, epoch: 1, records }).image;

  test("the broker epoch is the registration record's offset", () => {
    const image = after(
      { type: 'noOp' },
      { type: 'registerBroker', brokerId: 4, incarnationId: id, listeners: [], logDirs: [] },
    );
    expect(image.broker(4)).toMatchObject({ epoch: 11, fenced: true, inControlledShutdown: false });
    expect(image.isAlive(4)).toBe(false);
  });

  test("names that differ only by '.' and '_' collide until the topic is deleted", () => {
    const image = after(...topic('a.b_c'));
    expect(image.collidingTopic('a_b.c')).toBe('a.b_c');
    expect(image.collidingTopic('a.b_c')).toBeUndefined();
    expect(image.collidingTopic('abc')).toBeUndefined();
    const gone = applyRecords(image, {
      baseOffset: 20,
      epoch: 1,
      records: [{ type: 'removeTopic', topicId: id }],
    });
    expect(gone.image.collidingTopic('a_b.c')).toBeUndefined();
  });

  test('the leader epoch grows if a change names a leader; the partition epoch grows with every change', () => {
    const image = after(
      ...topic('t'),
      { type: 'partitionChange', topicId: id, partition: 0, isr: [1] },
      { type: 'partitionChange', topicId: id, partition: 0, leader: -1 },
    );
    expect(image.partition(id, 0)).toEqual({
      replicas: [1, 2],
      isr: [1],
      elr: [],
      formerIsr: [2],
      failedReplicas: [],
      lastKnownLeader: 1,
      leader: -1,
      leaderEpoch: 1,
      partitionEpoch: 2,
    });
  });

  test.each<[string, MetadataRecord[]]>([
    [
      'a leader outside the ISR',
      [...topic('t'), { type: 'partitionChange', topicId: id, partition: 0, leader: 3 }],
    ],
    [
      'an ISR outside the replicas',
      [...topic('t'), { type: 'partitionChange', topicId: id, partition: 0, isr: [1, 3] }],
    ],
    [
      'a partition that does not exist',
      [...topic('t'), { type: 'partitionChange', topicId: id, partition: 1, isr: [1] }],
    ],
    ['the same topic twice', [...topic('t'), ...topic('t')]],
    ['a topic without partitions', [{ type: 'topic', name: 't', topicId: id }]],
    [
      'configs of a topic that does not exist',
      [{ type: 'config', resourceType: 'topic', resourceName: 'x', name: 'n', value: 'v' }],
    ],
    ['an unknown broker', [{ type: 'brokerChange', brokerId: 9, brokerEpoch: 1, fenced: true }]],
    ['producer ids given twice', [{ type: 'producerIds', brokerId: 0, brokerEpoch: 0, nextProducerId: 0 }]],
  ])('%s ends the node', (_what, records) => {
    expect(() => after(...records)).toThrow(expect.objectContaining({ name: 'InvariantError' }));
  });

  test('records are never applied twice', () => {
    const image = after({ type: 'noOp' });
    expect(() => applyRecords(image, { baseOffset: 10, epoch: 1, records: [{ type: 'noOp' }] })).toThrow(
      /once/,
    );
  });

  test('deltas are merged with their successors only', () => {
    const one = applyRecords(MetadataImage.EMPTY, { baseOffset: 0, epoch: 1, records: [{ type: 'noOp' }] });
    const empty = new MetadataDelta(MetadataImage.EMPTY, MetadataImage.EMPTY);
    expect(one.delta.isEmpty).toBe(true);
    expect(() => one.delta.merge(empty)).toThrow(/follows/);
  });

  test('a fence of 10,000 partitions replays within seconds, also on a busy machine', () => {
    const records: MetadataRecord[] = [{ type: 'topic', name: 'wide', topicId: id }];
    for (let partition = 0; partition < 10_000; partition++) {
      const replicas = [partition % 3, (partition + 1) % 3];
      const base = { type: 'partition', topicId: id, partition, replicas, isr: replicas } as const;
      records.push({ ...base, leader: replicas[0]!, leaderEpoch: 0, partitionEpoch: 0 });
    }
    const started = performance.now();
    const image = after(...records);
    const moved = [...image.partitionsOf(0)].map(({ index, partition }): MetadataRecord => {
      const leader = partition.replicas.find((each) => each !== 0)!;
      return { type: 'partitionChange', topicId: id, partition: index, isr: [leader], leader };
    });
    applyRecords(image, { baseOffset: 20_000, epoch: 1, records: moved });
    expect(performance.now() - started).toBeLessThan(5000);
    expect(moved.length).toBe(6667);
  });
});
