/**
 * Goal: new metadata reaches the parts of a broker in a fixed order. Method: fake parts record their calls;
 * the metadata follower is the real one.
 */
import type { Uuid } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { encodeRecord, type MetadataRecord } from '@millrace/metadata';
import { expect, test } from 'vitest';
import { MetadataFollower } from '../../src/roles/metadata-follower.ts';
import { metadataSubscribers } from '../../src/roles/metadata-subscribers.ts';

const BROKER = 7;
const incarnationId = 'Zm9vYmFyYmF6cXV1eDEyMw' as Uuid;
const registration: MetadataRecord = {
  type: 'registerBroker',
  brokerId: BROKER,
  incarnationId,
  listeners: [],
  logDirs: [],
};
const unfencing: MetadataRecord = { type: 'brokerChange', brokerId: BROKER, brokerEpoch: 0, fenced: false };

function setUp(brokerEpoch = 0) {
  const calls: string[] = [];
  const subscribers = metadataSubscribers({
    brokerId: BROKER,
    replicas: { publish: ({ image }) => calls.push(`replicas ${image.offset}`) },
    groups: { publish: ({ image }) => calls.push(`groups ${image.offset}`) },
    lifecycle: () => ({ progressed: () => calls.push(`lifecycle ${follower.offset}`), brokerEpoch }),
    serve: () => calls.push('front-end'),
    host: { imageChanged: ({ offset }) => calls.push(`host ${offset}`) },
  });
  const follower = new MetadataFollower(new ManualClock(), subscribers);
  let offset = 0;
  const commit = (record: MetadataRecord) => {
    follower.committed([{ baseOffset: offset++, epoch: 1, records: [encodeRecord(record)] }]);
    return calls.splice(0);
  };
  return { subscribers, commit };
}

test('the order: replicas, groups, lifecycle, front end, host', () => {
  const { subscribers, commit } = setUp();
  expect(subscribers.map(({ name }) => name)).toEqual([
    'replicas',
    'groups',
    'lifecycle',
    'front-end',
    'host',
  ]);
  expect(commit(registration)).toEqual(['replicas 0', 'groups 0', 'lifecycle 0', 'host 0']);
  expect(commit(unfencing)).toEqual(['replicas 1', 'groups 1', 'lifecycle 1', 'front-end', 'host 1']);
});

test('the front end stays closed while an earlier registration of this broker is unfenced', () => {
  const { commit } = setUp(-1);
  commit(registration);
  expect(commit(unfencing)).toEqual(['replicas 1', 'groups 1', 'lifecycle 1', 'host 1']);
});
