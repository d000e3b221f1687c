/**
 * Goal: the decoders also read bytes that Kafka reads although no client writes them. Method: hand-made
 * bytes.
 */
import { apis, DecodeError, decodeRequestHeader } from '@millrace/protocol';
import { describe, expect, it } from 'vitest';

const hex = (text: string) => Buffer.from(text, 'hex');

describe('any negative length is null where null is allowed', () => {
  it.each(['ffff', 'fffe', '8000'])('a client id of length %s', (length) => {
    const frame = hex(`0012000000000007${length}`);
    expect(decodeRequestHeader(frame)).toMatchObject({ clientId: null, bodyPosition: 10 });
  });

  it.each(['ffffffff', 'fffffffe', '80000000'])('an array of length %s', (length) => {
    expect(apis.metadata.decodeRequest(1, hex(length)).topics).toBeNull();
    // Version 0 has no null.
    expect(() => apis.metadata.decodeRequest(0, hex(length))).toThrow(DecodeError);
  });

  it.each(['ffffffff', 'fffffffe', '80000000'])('records of length %s', (length) => {
    const topics = '00000001' + '000161' + '00000001' + '00000000';
    const request = apis.produce.decodeRequest(3, hex(`ffff00010000000a${topics}${length}`));
    expect(request.topicData[0]?.partitionData[0]?.records).toBeNull();
  });

  it('compact lengths of 2^31 + 1 and more: the written number minus 1 is negative in 32 bits', () => {
    expect(apis.metadata.decodeRequest(9, hex('8180808008' + '01000000')).topics).toBeNull();
    expect(apis.initProducerId.decodeRequest(2, hex('8180808008' + '0000000a' + '00'))).toMatchObject({
      transactionalId: null,
      transactionTimeoutMs: 10,
    });
    // A written 2^31 stands for the largest length, 2^31 - 1, and the message is too short for that.
    expect(() => apis.metadata.decodeRequest(9, hex('8080808008' + '01000000'))).toThrow(DecodeError);
  });
});

it('a request with numbers beyond the safe integers is not refused', () => {
  const far = 'ffffffffffffffff'.replace('f', '7');
  const asked = apis.initProducerId.decodeRequest(3, hex(`00${'0000000a'}${far}${'ffff'}00`));
  expect(asked.producerId).toBe(Number.MAX_SAFE_INTEGER);
  const partition = `00000000${'0000000000000000'}${far}${'00000064'}`;
  const topics = `00000001${'000161'}00000001${partition}`;
  const fetch = apis.fetch.decodeRequest(5, hex(`ffffffff${'00000000'.repeat(2)}${'000fffff'}00${topics}`));
  expect(fetch.topics[0]?.partitions[0]).toMatchObject({
    fetchOffset: 0,
    logStartOffset: Number.MAX_SAFE_INTEGER,
    partitionMaxBytes: 100,
  });
});
