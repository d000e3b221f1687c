/**
 * Goal: the keys and values of group records, and the messages of the consumer protocol, have the same bytes
 * as in Kafka. Method: bytes that Kafka's classes encoded, round trips of values drawn from the field tables
 * of the messages, and bytes changed by hand.
 */
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  DecodeError,
  decodeGroupRecord,
  groupRecords,
  numberInFront,
} from '@millrace/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageArbitrary, plain } from '../support/arbitraries.ts';
import {
  type EmbeddedMessage,
  embeddedLabel,
  embeddedMessages,
  readEmbeddedGoldens,
  versionsOf,
} from '../support/embedded.ts';
import { fillings, sampleOf } from '../support/samples.ts';

const RUNS = 25;
const goldens = readEmbeddedGoldens();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

function isRefused(message: EmbeddedMessage, bytes: Uint8Array): boolean {
  try {
    message.decode(bytes);
    return false;
  } catch (error) {
    if (error instanceof DecodeError) return true;
    throw error;
  }
}

describe.each(embeddedMessages.map((message) => ({ name: message.name, message })))(
  '$name',
  ({ message }) => {
    it.each(versionsOf(message))(
      "v%i: Kafka's bytes hold the sample, and encode writes them again",
      (version) => {
        for (const filling of fillings) {
          const golden = goldens.get(embeddedLabel(message, version, filling))!;
          const sample = sampleOf(message.fields, version, filling);
          expect(plain(message.decode(golden))).toEqual(plain(sample));
          expect(hex(message.encode(version, sample))).toBe(hex(golden));
          expect(numberInFront(golden)).toBe(message.part === 'key' ? message.type : version);
        }
      },
    );

    it.each(versionsOf(message))('v%i: decode(encode(x)) is x, and any cut is refused', (version) => {
      fc.assert(
        fc.property(messageArbitrary(message.fields, version), (value) => {
          const bytes = message.encode(version, value);
          expect(plain(message.decode(bytes))).toEqual(plain(value));
          // Like Kafka, the decoder ignores bytes behind the message.
          expect(plain(message.decode(joined(bytes, unhex('00ff'))))).toEqual(plain(value));
          for (let length = 0; length < bytes.length; length++)
            expect(isRefused(message, bytes.subarray(0, length))).toBe(true);
        }),
        { numRuns: RUNS },
      );
    });

    it.each(versionsOf(message).filter((version) => version >= message.flexibleFrom))(
      'v%i: unknown tagged fields are skipped',
      (version) => {
        const empty = message.encode(version, {});
        expect(empty.at(-1)).toBe(0);
        const tagged = joined(empty.subarray(0, -1), unhex('02' + '6302ffff' + '6400'));
        expect(plain(message.decode(tagged))).toEqual(plain(message.decode(empty)));
      },
    );
  },
);

it('every golden belongs to a message, a version and a filling', () => {
  const labels = embeddedMessages.flatMap((message) =>
    versionsOf(message).flatMap((version) =>
      fillings.map((filling) => embeddedLabel(message, version, filling)),
    ),
  );
  expect([...goldens.keys()]).toEqual(labels);
});

describe('a group record', () => {
  const key = groupRecords.offsetCommit.key.encode({ group: 'g', topic: 't', partition: 3 });

  it('has its type in front of the key, and its version in front of the value', () => {
    expect(hex(key)).toBe('0001' + '000167' + '000174' + '00000003');
    const value = groupRecords.offsetCommit.value.encode(3, {
      offset: 9,
      leaderEpoch: 2,
      commitTimestamp: 5,
    });
    expect(hex(value)).toBe('0003' + '0000000000000009' + '00000002' + '0000' + '0000000000000005');
    expect(decodeGroupRecord(key, value)).toEqual({
      name: 'offsetCommit',
      key: { group: 'g', topic: 't', partition: 3 },
      value: {
        offset: 9,
        leaderEpoch: 2,
        metadata: '',
        commitTimestamp: 5,
        expireTimestamp: -1,
        topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
      },
    });
  });

  it('without a value is a tombstone', () => {
    expect(decodeGroupRecord(key, null)).toMatchObject({ name: 'offsetCommit', value: null });
  });

  it.each([9, 15, 17, 23, 24, 32767, -1])('of type %i is not known, whatever follows', (type) => {
    const prefix = unhex((type & 0xffff).toString(16).padStart(4, '0'));
    expect(decodeGroupRecord(joined(prefix, unhex('ffff')), unhex('ff'))).toBeUndefined();
  });

  it('is refused without a type, with another kind of key, or with an unknown version of the value', () => {
    expect(() => decodeGroupRecord(unhex('00'), null)).toThrow(DecodeError);
    expect(() => groupRecords.groupMetadata.key.decode(key)).toThrow(
      'GroupMetadata key: has the type 1, not 2',
    );
    expect(() => decodeGroupRecord(key, unhex('0005'))).toThrow('OffsetCommit value: unknown version 5');
    expect(() => decodeGroupRecord(key, unhex('ffff'))).toThrow('OffsetCommit value: unknown version -1');
    expect(() => decodeGroupRecord(key, unhex(''))).toThrow(DecodeError);
  });

  it('of a member with the consumer protocol writes null metadata; a missing field means the classic protocol', () => {
    const { value } = groupRecords.consumerGroupMemberMetadata;
    // Kafka's bytes: first without the field, then with a null.
    const none = unhex('0000 01 01 0263 0268 01 01 ffffffff 01 00');
    const isNull = unhex('0000 01 01 0263 0268 01 01 ffffffff 01 01 00 01 00');
    const fields = { clientId: 'c', clientHost: 'h' };
    expect(value.decode(none).classicMemberMetadata).toEqual({ sessionTimeoutMs: 0, supportedProtocols: [] });
    expect(value.decode(isNull).classicMemberMetadata).toBeNull();
    expect(hex(value.encode(0, { ...fields, instanceId: '', rackId: '', serverAssignor: '' }))).toBe(
      hex(none),
    );
    expect(hex(value.encode(0, { ...fields, classicMemberMetadata: null }))).toBe(hex(isNull));
  });

  it('keeps bytes inside a tagged field, even in several pieces or with a length of more than one byte', () => {
    const { value } = groupRecords.consumerGroupMemberMetadata;
    for (const sizeBytes of [0, 1, 100, 127, 128, 300, 20_000]) {
      const metadata = new Uint8Array(sizeBytes).fill(7);
      const supportedProtocols = [
        { name: 'range', metadata: [metadata, unhex('0102')] },
        { name: 'sticky', metadata },
      ];
      const bytes = value.encode(0, { classicMemberMetadata: { sessionTimeoutMs: 1, supportedProtocols } });
      expect(plain(value.decode(bytes).classicMemberMetadata!.supportedProtocols)).toEqual(
        plain([
          { name: 'range', metadata: joined(metadata, unhex('0102')) },
          { name: 'sticky', metadata },
        ]),
      );
    }
  });

  it('keeps all 64 bits of a metadata hash, and the largest offset', () => {
    const { consumerGroupMetadata, offsetCommit } = groupRecords;
    const hash = 0x7edc_ba98_7654_3210n;
    const bytes = consumerGroupMetadata.value.encode(0, { epoch: 1, metadataHash: hash });
    expect(hex(bytes)).toBe('0000' + '00000001' + '01' + '00' + '08' + '7edcba9876543210');
    expect(consumerGroupMetadata.value.decode(bytes)).toEqual({ epoch: 1, metadataHash: hash });
    const largest = unhex('0002' + '7fffffffffffffff' + '0000' + '0000000000000005');
    const { offset } = offsetCommit.value.decode(largest);
    expect(hex(offsetCommit.value.encode(2, { offset, commitTimestamp: 5 }))).toBe(hex(largest));
  });
});

describe('the consumer protocol', () => {
  it('a version that is too new reads as the newest one; a negative version is refused', () => {
    const newest = consumerProtocolSubscription.encode(3, { topics: ['a'], rackId: 'r' });
    for (const version of ['0004', '7fff']) {
      const newer = joined(unhex(version), newest.subarray(2), unhex('0a0b0c'));
      expect(consumerProtocolSubscription.decode(newer)).toEqual(consumerProtocolSubscription.decode(newest));
    }
    const assignment = consumerProtocolAssignment.encode(0, { assignedPartitions: [] });
    for (const message of [consumerProtocolSubscription, consumerProtocolAssignment])
      for (const version of ['ffff', '8000'])
        expect(() => message.decode(joined(unhex(version), assignment.subarray(2)))).toThrow(DecodeError);
  });
});
