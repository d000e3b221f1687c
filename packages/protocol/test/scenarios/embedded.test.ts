/**
 * Goal: Kafka reads and writes the consumer protocol in the same bytes. Method: bytes that Kafka's classes
 * encoded, round trips of values drawn from the tables, and bytes changed by hand.
 */
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  DecodeError,
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
          // Kafka ignores bytes behind the message, too.
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
