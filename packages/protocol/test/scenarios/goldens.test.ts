/**
 * Goal: the codecs read and write the same bytes as clients and Apache Kafka. Method: the test decodes each
 * recorded frame, and encodes the result, which must give the same bytes. It also reads the record batches
 * inside.
 */
import {
  allApis,
  type apis,
  batchSizeAt,
  checkBatchCrc,
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
  type RequestOf,
  type ResponseOf,
  readBatchHeader,
  readRecords,
} from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { describe, expect, it } from 'vitest';
import { plain } from '../support/arbitraries.ts';
import { codecClient, type Golden, readGoldens } from '../support/goldens.ts';
import { fillings, sampleOf } from '../support/samples.ts';

const goldens = readGoldens();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const join = (chunks: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(chunks));

/** Versions that none of the recorded clients sends. Remove a version from this list once it is recorded. */
const NOT_RECORDED: Record<string, number[]> = {};

describe.each([...Map.groupBy(goldens, (golden) => `${golden.api.name} v${golden.version}`)])(
  '%s',
  (_, group) => {
    it.each(group.map((golden): [string, Golden] => [golden.client, golden]))('%s', (_client, golden) => {
      const { api, version, request, response } = golden;
      const header = decodeRequestHeader(request);
      expect([header.apiKey, header.apiVersion]).toEqual([api.key, version]);
      const asked = api.decodeRequest(version, request, header.bodyPosition);
      const again = encodeRequestFrame(api, version, header.correlationId, header.clientId, asked);
      expect(hex(join(again).subarray(4))).toBe(hex(request));

      const { correlationId, bodyPosition } = decodeResponseHeader(api, version, response);
      expect(correlationId).toBe(header.correlationId);
      const answered = api.decodeResponse(version, response, bodyPosition);
      const answeredAgain = encodeResponseFrame(api, version, correlationId, answered);
      expect(hex(join(answeredAgain).subarray(4))).toBe(hex(response));
    });
  },
);

describe("bytes that Kafka's own codec wrote hold the sample", () => {
  for (const filling of fillings) {
    const written = goldens.filter(({ client }) => client === codecClient(filling));
    it.each(written.map((golden): [string, Golden] => [`${golden.api.name} v${golden.version}`, golden]))(
      `${filling}: %s`,
      (_, { api, version, request, response }) => {
        const { bodyPosition } = decodeRequestHeader(request);
        expect(plain(api.decodeRequest(version, request, bodyPosition))).toEqual(
          plain(sampleOf(api.requestFields, version, filling)),
        );
        const header = decodeResponseHeader(api, version, response);
        expect(plain(api.decodeResponse(version, response, header.bodyPosition))).toEqual(
          plain(sampleOf(api.responseFields, version, filling)),
        );
      },
    );
  }
});

it('every version of every API was recorded, except the listed ones', () => {
  const missing: Record<string, number[]> = {};
  for (const api of allApis)
    for (let version = api.minVersion; version <= api.maxVersion; version++)
      if (!goldens.some((golden) => golden.api === api && golden.version === version))
        missing[api.name] = [...(missing[api.name] ?? []), version];
  expect(missing).toEqual(NOT_RECORDED);
});

describe('record batches of real producers, and of Kafka', () => {
  const batches: [string, Uint8Array][] = [];
  for (const { api, version, client, request, response } of goldens) {
    if (api.name === 'Produce') {
      const { bodyPosition } = decodeRequestHeader(request);
      const produce = api.decodeRequest(version, request, bodyPosition) as RequestOf<typeof apis.produce>;
      for (const topic of produce.topicData)
        for (const { records } of topic.partitionData)
          if (records !== null) batches.push([`Produce v${version} of ${client}`, records]);
    }
    if (api.name === 'Fetch') {
      const { bodyPosition } = decodeResponseHeader(api, version, response);
      const fetch = api.decodeResponse(version, response, bodyPosition) as ResponseOf<typeof apis.fetch>;
      for (const topic of fetch.responses)
        for (const { records } of topic.partitions)
          if (records !== null) batches.push([`Fetch v${version} to ${client}`, records]);
    }
  }

  it.each(batches)('%s', (_, records) => {
    for (let position = 0; position < records.length; ) {
      // Kafka cuts the last batch of a fetch at the requested size.
      if (position > 0 && (batchSizeAt(records, position) ?? Infinity) > records.length - position) break;
      const header = readBatchHeader(records, position);
      expect(checkBatchCrc(records, position, header.sizeBytes)).toBe(true);
      const read = [...readRecords(records.subarray(position), compressionCodecs)];
      expect(read.length).toBe(header.recordCount);
      expect(read.at(-1)!.offset).toBe(header.lastOffset);
      position += header.sizeBytes;
    }
  });

  it('cover all compressions', () => {
    const seen = new Set(
      batches.filter(([, b]) => b.length > 0).map(([, bytes]) => readBatchHeader(bytes).compression),
    );
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
  });
});
