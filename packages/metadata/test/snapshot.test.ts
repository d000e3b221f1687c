/**
 * Goal: nothing of an image is lost in a snapshot. Method: random histories; the records of the snapshot, as
 * bytes, must replay to an equal image. The comparison walks every field of the image, so that it also sees a
 * field of a family that no other code of the tests knows. Later records must have the same effect on both
 * images.
 */
import { Prng, type Uuid } from '@millrace/base';
import * as fc from 'fast-check';
import { type Map as ImmutableMap, isMap } from 'immutable';
import { describe, expect, test } from 'vitest';
import { MetadataDelta } from '../src/delta.ts';
import { CarriedOut } from '../src/families/topics/carried-out.ts';
import { TopicsImage } from '../src/families/topics/image.ts';
import { TopicNames } from '../src/families/topics/names.ts';
import { imageToPlain, MetadataImage } from '../src/image.ts';
import { decodeRecord, encodeRecord, type MetadataRecord } from '../src/records.ts';
import { applyRecords } from '../src/replay.ts';
import { SnapshotReplay, snapshotRecords } from '../src/snapshot.ts';
import { historyOf } from './support/history.ts';

const draws = fc.array(fc.nat(10_000), { maxLength: 80 });

/** Every field of the value, with the entries of maps sorted. Leaves out the cache of sorted names. */
function everything(value: unknown): unknown {
  if (isMap(value) || value instanceof Map)
    return [...(value as ImmutableMap<unknown, unknown>)]
      .map(([key, entry]) => [key, everything(entry)] as const)
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  if (Array.isArray(value)) return value.map(everything);
  if (value === null || typeof value !== 'object' || value instanceof TopicNames) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => !(field instanceof TopicNames))
      .map(([name, field]) => [name, everything(field)]),
  );
}

/** Does all the work of a delta in one turn. */
function finished(work: Generator<undefined, MetadataDelta>): MetadataDelta {
  for (;;) {
    const { value } = work.next();
    if (value !== undefined) return value;
  }
}

const wire = (records: Iterable<MetadataRecord>) => [...records].map(encodeRecord);

function reload(image: MetadataImage): MetadataImage {
  const replay = new SnapshotReplay();
  for (const bytes of wire(snapshotRecords(image))) replay.add(decodeRecord(bytes));
  return replay.finish(image.offset, image.epoch);
}

function imageOf(records: readonly MetadataRecord[]): MetadataImage {
  if (records.length === 0) return MetadataImage.EMPTY;
  return applyRecords(MetadataImage.EMPTY, { baseOffset: 0, epoch: 7, records }).image;
}

describe('a snapshot', () => {
  test('the records of the snapshot replay to an equal image: nothing is lost', () => {
    fc.assert(
      fc.property(draws, (numbers) => {
        const image = imageOf(historyOf(numbers).records);
        const again = reload(image);
        expect(everything(again)).toEqual(everything(image));
        // As text, because checkers compare images as text.
        expect(JSON.stringify(imageToPlain(again))).toBe(JSON.stringify(imageToPlain(image)));
        // The order of the records follows from the image alone, except for the memory of requests.
        const known = wire(snapshotRecords(image)).map(String).sort();
        expect(wire(snapshotRecords(again)).map(String).sort()).toEqual(known);
      }),
      { numRuns: 300 },
    );
  });

  test('an image of many topics comes back, although the replay closes its draft several times', () => {
    const random = new Prng(1);
    const records: MetadataRecord[] = [];
    for (let topic = 0; topic < 400; topic++) {
      const topicId = random.uuid();
      records.push({ type: 'topic', name: `t.${topic}`, topicId });
      const count = topic === 7 ? 500 : 3;
      for (let partition = 0; partition < count; partition++)
        records.push({
          type: 'partition',
          topicId,
          partition,
          replicas: [1, 2, 3],
          isr: [1],
          leader: 1,
          leaderEpoch: 0,
          partitionEpoch: 0,
        });
      records.push({
        type: 'config',
        resourceType: 'topic',
        resourceName: `t.${topic}`,
        name: 'a',
        value: 'b',
      });
    }
    const image = imageOf(records);
    expect(everything(reload(image))).toEqual(everything(image));
    const work = MetadataDelta.between(MetadataImage.EMPTY, reload(image));
    expect(finished(work).changedPartitions).toHaveLength(399 * 3 + 500);
  });

  test('records have the same effect on the image of a snapshot as on the original', () => {
    fc.assert(
      fc.property(draws, fc.nat(100), (numbers, percent) => {
        const { records } = historyOf(numbers);
        let cut = Math.floor((records.length * percent) / 100);
        while (records[cut]?.type === 'partition') cut++;
        const whole = imageOf(records);
        let image = reload(imageOf(records.slice(0, cut)));
        if (cut < records.length)
          image = applyRecords(image, { baseOffset: cut, epoch: 7, records: records.slice(cut) }).image;
        expect(everything(image)).toEqual(everything(whole));
      }),
      { numRuns: 300 },
    );
  });

  test('random histories reach every field of an image', () => {
    const sample = fc.sample(draws, { numRuns: 300, seed: 1 });
    const images = sample.map((numbers) => imageOf(historyOf(numbers).records));
    const records = images.flatMap((image) => [...snapshotRecords(image)]);
    const written = new Set<string>();
    for (const { type, ...fields } of records)
      for (const [name, value] of Object.entries(fields))
        if (value !== undefined) written.add(`${type}.${name}`);
    expect(
      [...written].filter((name) => /^(partition|registerBroker|carriedOut)\./.test(name)).sort(),
    ).toEqual([
      'carriedOut.byId',
      'carriedOut.name',
      'carriedOut.requestId',
      'carriedOut.topicId',
      'partition.elr',
      'partition.failedReplicas',
      'partition.formerIsr',
      'partition.isr',
      'partition.lastKnownLeader',
      'partition.leader',
      'partition.leaderEpoch',
      'partition.partition',
      'partition.partitionEpoch',
      'partition.replicas',
      'partition.topicId',
      'registerBroker.brokerEpoch',
      'registerBroker.brokerId',
      'registerBroker.fenced',
      'registerBroker.inControlledShutdown',
      'registerBroker.incarnationId',
      'registerBroker.listeners',
      'registerBroker.logDirs',
      'registerBroker.minInsyncReplicas',
      'registerBroker.rack',
      'registerBroker.sessionTimeoutMs',
    ]);
  });

  test('both generations of the memory of requests survive a snapshot', () => {
    const uuid = (index: number) => `${String(index).padStart(21, 'A')}A` as Uuid;
    let carriedOut = CarriedOut.EMPTY;
    for (let index = 0; index < 11_000; index++)
      carriedOut = carriedOut
        .withDeleted(uuid(index), { name: `t${index}`, topicId: uuid(100_000 + index) })
        .withAltered(uuid(index), { resourceType: 'group', resourceName: `a b${index}` })
        .withAltered(uuid(index), { resourceType: 'topic', resourceName: `t${index}` });
    const { state } = MetadataImage.EMPTY.topics;
    const image = new MetadataImage({
      ...MetadataImage.EMPTY,
      topics: new TopicsImage({ ...state, carriedOut }),
    });
    expect(reload(image).carriedOut.toPlain()).toEqual(carriedOut.toPlain());
  });
});

describe('the delta between two images', () => {
  test('names the same changes as the records between them, or more deleted topics', () => {
    fc.assert(
      fc.property(draws, fc.nat(100), (numbers, percent) => {
        const { records } = historyOf(numbers);
        let cut = Math.floor((records.length * percent) / 100);
        while (records[cut]?.type === 'partition') cut++;
        if (cut >= records.length) return;
        const before = imageOf(records.slice(0, cut));
        const step = applyRecords(before, { baseOffset: cut, epoch: 7, records: records.slice(cut) });
        const delta = finished(MetadataDelta.between(before, reload(step.image)));
        expect(delta.createdTopics.map(({ id }) => id)).toEqual(step.delta.createdTopics.map(({ id }) => id));
        expect(delta.deletedTopics).toEqual(step.delta.deletedTopics);
        expect(delta.changedPartitions).toEqual(step.delta.changedPartitions);
        expect(delta.removedTopicIds).toEqual(expect.arrayContaining(step.delta.removedTopicIds));
        expect(delta.removedTopicIds.every((id) => step.image.carriedOut.isDeleted(id))).toBe(true);
        const isSubset = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>) => [...a].every((x) => b.has(x));
        expect(isSubset(delta.changedBrokers, step.delta.changedBrokers)).toBe(true);
        expect(isSubset(delta.changedConfigs, step.delta.changedConfigs)).toBe(true);
        expect(isSubset(delta.changedBrokerConfigs, step.delta.changedBrokerConfigs)).toBe(true);
        for (const id of step.delta.changedBrokers)
          if (JSON.stringify(before.broker(id)) !== JSON.stringify(step.image.broker(id)))
            expect(delta.changedBrokers).toContain(id);
        for (const name of step.delta.changedConfigs)
          if (!isEqual(before.topicConfig(name), step.image.topicConfig(name)))
            expect(delta.changedConfigs).toContain(name);
      }),
      { numRuns: 300 },
    );
  });
});

function isEqual(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}
