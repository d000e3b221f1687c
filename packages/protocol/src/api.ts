/** An API: one table for both directions and all versions, and the codecs compiled from it. */
import { type DecodeCost, MessageCodec } from './message-codec.ts';
import { REQUEST_ELEMENTS_MAX } from './reader.ts';
import { type Decoded, type Encodable, type Fields, parseVersions, type Versions } from './schema.ts';
import type { Writer } from './writer.ts';

export interface Api<Request, Response, RequestInput, ResponseInput> {
  /** Kafka's number of the API. */
  readonly key: number;
  /** Kafka's name of the API: 'Produce'. */
  readonly name: string;
  /** The first and the last version that this API can read and write. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /**
   * The lowest version that ApiVersions advertises. It is below `minVersion` only if a client needs that
   * (produce.ts).
   */
  readonly advertisedMinVersion: number;
  /**
   * From this version on, lengths are compact and structs end in tagged fields. Infinity: no version is
   * flexible.
   */
  readonly flexibleFrom: number;
  readonly requestFields: Fields;
  readonly responseFields: Fields;
  /**
   * Decodes a request. Ignores bytes behind the body, as Kafka does, because librdkafka sends some. Sets
   * `cost.heapBytes` to the memory that the decoded arrays take in addition to the bytes. Throws DecodeError.
   */
  decodeRequest(version: number, bytes: Uint8Array, position?: number, cost?: DecodeCost): Request;
  /** Decodes a response. Throws DecodeError, also if the body does not reach to the end of the bytes. */
  decodeResponse(version: number, bytes: Uint8Array, position?: number): Response;
  /**
   * Returns the encoded body as chunks. Drops fields that the version does not have. Fails an assertion if a
   * number is out of its field's range. Cuts a text that is too long.
   */
  encodeRequest(version: number, value: RequestInput): Uint8Array[];
  encodeResponse(version: number, value: ResponseInput): Uint8Array[];
  /** Like `encodeRequest`, but appends the body to what `writer` already holds (a header). */
  writeRequest(version: number, value: RequestInput, writer: Writer): void;
  writeResponse(version: number, value: ResponseInput, writer: Writer): void;
}

/** An API that is known only at run time. */
export type AnyApi = Api<unknown, unknown, unknown, unknown>;

export type RequestOf<A> = A extends Api<infer T, infer _1, infer _2, infer _3> ? T : never;
export type ResponseOf<A> = A extends Api<infer _1, infer T, infer _2, infer _3> ? T : never;
export type RequestInputOf<A> = A extends Api<infer _1, infer _2, infer T, infer _3> ? T : never;
export type ResponseInputOf<A> = A extends Api<infer _1, infer _2, infer _3, infer T> ? T : never;

interface Table<Req extends Fields, Res extends Fields> {
  readonly key: number;
  readonly name: string;
  readonly versions: Versions;
  readonly advertisedMinVersion?: number;
  readonly flexibleFrom: number;
  readonly request: Req;
  readonly response: Res;
}

export function defineApi<const Req extends Fields, const Res extends Fields>(
  table: Table<Req, Res>,
): Api<Decoded<Req>, Decoded<Res>, Encodable<Req>, Encodable<Res>> {
  const { name, flexibleFrom } = table;
  const versions = parseVersions(table.versions);
  const request = new MessageCodec({
    name,
    part: 'request',
    fields: table.request,
    versions,
    flexibleFrom,
    elementsMax: REQUEST_ELEMENTS_MAX,
    mayHaveMoreBytes: true,
  });
  const response = new MessageCodec({
    name,
    part: 'response',
    fields: table.response,
    versions,
    flexibleFrom,
    elementsMax: Infinity,
    mayHaveMoreBytes: false,
  });
  return {
    key: table.key,
    name,
    minVersion: versions.min,
    maxVersion: versions.max,
    advertisedMinVersion: table.advertisedMinVersion ?? versions.min,
    flexibleFrom,
    requestFields: table.request,
    responseFields: table.response,
    decodeRequest: (version, bytes, position = 0, cost = undefined) =>
      request.decode(version, bytes, position, cost) as Decoded<Req>,
    decodeResponse: (version, bytes, position = 0) =>
      response.decode(version, bytes, position) as Decoded<Res>,
    encodeRequest: (version, value) => request.encode(version, value),
    encodeResponse: (version, value) => response.encode(version, value),
    writeRequest: (version, value, writer) => request.write(version, value, writer),
    writeResponse: (version, value, writer) => response.write(version, value, writer),
  };
}
