/**
 * Goal: every version reads the records of all earlier versions. Method: the test pins the table of field
 * numbers, and the bytes of one record of each type. A change of either would break existing logs.
 */
import type { Uuid } from '@millrace/base';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeRecord,
  encodeRecord,
  type MetadataRecord,
  RecordMessage,
  type RecordOf,
  type RecordType,
} from '../src/records.ts';

const ID = 'Zm9vYmFyYmF6cXV1eDEyMw' as Uuid;

/** One record of each type. The compiler refuses this object if a type is missing. */
const samples: { readonly [Type in RecordType]: RecordOf<Type> } = {
  registerBroker: {
    type: 'registerBroker',
    brokerId: 1,
    incarnationId: ID,
    listeners: [{ name: 'PLAINTEXT', host: 'a', port: 9092 }],
    rack: 'r',
    logDirs: [ID],
  },
  unregisterBroker: { type: 'unregisterBroker', brokerId: 1, brokerEpoch: 300 },
  brokerChange: { type: 'brokerChange', brokerId: 1, brokerEpoch: 300, fenced: false },
  topic: { type: 'topic', name: 't', topicId: ID },
  partition: {
    type: 'partition',
    topicId: ID,
    partition: 2,
    replicas: [1, 2],
    isr: [1],
    leader: -1,
    leaderEpoch: 4,
    partitionEpoch: 5,
  },
  partitionChange: { type: 'partitionChange', topicId: ID, partition: 0, isr: [2], leader: 2 },
  removeTopic: { type: 'removeTopic', topicId: ID },
  config: { type: 'config', resourceType: 'topic', resourceName: 't', name: 'n', value: 'v' },
  producerIds: { type: 'producerIds', brokerId: 1, brokerEpoch: 300, nextProducerId: 2000 },
  noOp: { type: 'noOp' },
  alterConfigs: { type: 'alterConfigs', resourceType: 'topic', resourceName: 't', requestId: ID },
  carriedOut: { type: 'carriedOut', name: 't', topicId: ID, requestId: ID, byId: true },
};

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the wire form of records', () => {
  test('field numbers never change', () => {
    const numbers = Object.fromEntries(
      RecordMessage.type.fieldsArray.map((field) => [
        `${field.id} ${field.name}`,
        field
          .resolve()
          .resolvedType // each record's own message
          ?.toJSON(),
      ]),
    );
    expect(numbers).toMatchSnapshot();
  });

  test.each(Object.keys(samples) as RecordType[])('%s has pinned bytes, and reads back', (type) => {
    const bytes = encodeRecord(samples[type]);
    expect(hex(bytes)).toMatchSnapshot();
    expect(decodeRecord(bytes)).toEqual(samples[type]);
  });

  test('absent fields read back as undefined', () => {
    const change: MetadataRecord = { type: 'partitionChange', topicId: ID, partition: 3 };
    const read = decodeRecord(encodeRecord(change));
    expect(read).toEqual(change);
    const removed = decodeRecord(
      encodeRecord({ type: 'config', resourceType: 'broker', resourceName: '', name: 'x' }),
    );
    expect(removed).toMatchObject({ resourceType: 'broker', value: undefined });
  });

  test('a record of a failed replica reads back', () => {
    const failed = { brokerId: 0, brokerEpoch: 300 };
    const change: MetadataRecord = { type: 'partitionChange', topicId: ID, partition: 3, failed };
    expect(decodeRecord(encodeRecord(change))).toEqual(change);
  });

  test('fields that occur only in snapshots read back', () => {
    const broker: MetadataRecord = {
      ...samples.registerBroker,
      brokerEpoch: 300,
      fenced: false,
      inControlledShutdown: true,
    };
    expect(decodeRecord(encodeRecord(broker))).toEqual(broker);
    const partition: MetadataRecord = {
      ...samples.partition,
      elr: [2],
      lastKnownLeader: 2,
      formerIsr: [3],
      failedReplicas: [{ brokerId: 0, brokerEpoch: 300 }],
    };
    expect(decodeRecord(encodeRecord(partition))).toEqual(partition);
  });

  test('an empty config value reads back as an empty text, not as undefined', () => {
    const record: MetadataRecord = {
      type: 'config',
      resourceType: 'topic',
      resourceName: 't',
      name: 'n',
      value: '',
    };
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
  });

  test('decodeRecord throws on a record of an unknown type', () => {
    expect(() => decodeRecord(new Uint8Array([0xf2, 0x01, 0x00]))).toThrow(/knows/);
  });

  test('a malformed id is neither written nor read', () => {
    const removal = (topicId: string): MetadataRecord => ({ type: 'removeTopic', topicId: topicId as Uuid });
    expect(() => encodeRecord(removal('x'))).toThrow(/well-formed id/);
    const bytes = encodeRecord(removal(ID));
    bytes[bytes.length - 1] = 0x21;
    expect(() => decodeRecord(bytes)).toThrow(/well-formed id/);
  });

  test('a config of an unknown kind of resource is not read', () => {
    const bytes = encodeRecord({ type: 'config', resourceType: 'topic', resourceName: 't', name: 'n' });
    expect(bytes[3]).toBe(2);
    bytes[3] = 8;
    expect(() => decodeRecord(bytes)).toThrow('8 is not one of topic,broker,group');
  });

  test('any partition record reads back', () => {
    const int = fc.integer({ min: -1, max: 2 ** 31 - 1 });
    const ids = fc.uniqueArray(fc.nat(100_000), { minLength: 1, maxLength: 6 });
    const partition = fc.record({
      type: fc.constant('partition' as const),
      topicId: fc.constant(ID),
      partition: fc.nat(100_000),
      replicas: ids,
      isr: ids,
      leader: int,
      leaderEpoch: int,
      partitionEpoch: int,
    });
    fc.assert(
      fc.property(partition, (record) => {
        expect(decodeRecord(encodeRecord(record))).toEqual(record);
      }),
      { numRuns: 200 },
    );
  });

  test('offsets and producer ids of any safe size read back', () => {
    const safe = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(safe, safe, (brokerEpoch, nextProducerId) => {
        const record: MetadataRecord = { type: 'producerIds', brokerId: 7, brokerEpoch, nextProducerId };
        expect(decodeRecord(encodeRecord(record))).toEqual(record);
      }),
      { numRuns: 200 },
    );
  });
});
