/**
 * Goal: encoding and decoding give the same value, in every version of every API, in both directions. Method:
 * property-based, with values drawn from the field tables of the messages.
 */
import {
  allApis,
  apis,
  DecodeError,
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
} from '@millrace/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageArbitrary, plain } from '../support/arbitraries.ts';

const RUNS = 25;
const join = (chunks: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(chunks));

for (const api of allApis) {
  describe(api.name, () => {
    for (let version = api.minVersion; version <= api.maxVersion; version++) {
      it(`v${version}: decode(encode(x)) is x, and encode gives the same bytes again`, () => {
        fc.assert(
          fc.property(messageArbitrary(api.requestFields, version), (value) => {
            const bytes = join(api.encodeRequest(version, value));
            const decoded = api.decodeRequest(version, bytes);
            expect(plain(decoded)).toEqual(plain(value));
            expect(join(api.encodeRequest(version, decoded))).toEqual(bytes);
          }),
          { numRuns: RUNS },
        );
        fc.assert(
          fc.property(messageArbitrary(api.responseFields, version), (value) => {
            const bytes = join(api.encodeResponse(version, value));
            const decoded = api.decodeResponse(version, bytes);
            expect(plain(decoded)).toEqual(plain(value));
            expect(join(api.encodeResponse(version, decoded))).toEqual(bytes);
          }),
          { numRuns: RUNS },
        );
      });
    }
  });
}

it('a missing value is its default, in every version', () => {
  for (const api of allApis)
    for (let version = api.minVersion; version <= api.maxVersion; version++) {
      const request = api.decodeRequest(version, join(api.encodeRequest(version, {})));
      const response = api.decodeResponse(version, join(api.encodeResponse(version, {})));
      expect(Object.keys(request as object)).toEqual(Object.keys(api.requestFields));
      expect(Object.keys(response as object)).toEqual(Object.keys(api.responseFields));
    }
});

it('frames: header and body are read back, for any client id', () => {
  for (const api of allApis)
    for (let version = api.minVersion; version <= api.maxVersion; version++)
      for (const clientId of [null, '', 'clïent']) {
        const request = join(encodeRequestFrame(api, version, 77, clientId, {}));
        expect(new DataView(request.buffer).getInt32(0)).toBe(request.length - 4);
        const header = decodeRequestHeader(request.subarray(4));
        expect(header).toMatchObject({ apiKey: api.key, apiVersion: version, correlationId: 77, clientId });
        api.decodeRequest(version, request.subarray(4), header.bodyPosition);

        const response = join(encodeResponseFrame(api, version, -3, {}));
        expect(new DataView(response.buffer).getInt32(0)).toBe(response.length - 4);
        const { correlationId, bodyPosition } = decodeResponseHeader(api, version, response.subarray(4));
        expect(correlationId).toBe(-3);
        api.decodeResponse(version, response.subarray(4), bodyPosition);
      }
});

it('bytes behind the body do not change a request, but make a response invalid', () => {
  const stray = Uint8Array.of(0, 1, 0xff);
  for (const api of allApis)
    for (let version = api.minVersion; version <= api.maxVersion; version++) {
      const request = join(api.encodeRequest(version, {}));
      const asked = api.decodeRequest(version, join([request, stray]));
      expect(asked).toEqual(api.decodeRequest(version, request));
      const response = join([...api.encodeResponse(version, {}), stray]);
      expect(() => api.decodeResponse(version, response)).toThrow('bytes left over');
    }
});

it('missing bytes and unknown versions are refused', () => {
  const bytes = join(apis.listOffsets.encodeRequest(6, { topics: [{ name: 'a', partitions: [{}] }] }));
  for (let length = 0; length < bytes.length; length++)
    expect(() => apis.listOffsets.decodeRequest(6, bytes.subarray(0, length))).toThrow(DecodeError);
  expect(() => apis.listOffsets.decodeRequest(12, bytes)).toThrow('a version the message does not have');
});
