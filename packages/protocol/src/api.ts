/**
 * An API: one table for both directions and all versions, and the codecs compiled from it on first use. The
 * cache of codecs is the only state.
 */
import { assert } from '@millrace/base';
import { compileDecoder, compileEncoder, type Decode, type Encode } from './compile.ts';
import { REQUEST_ELEMENTS_MAX, Reader } from './reader.ts';
import { type Decoded, type Encodable, type Fields, parseVersions, type Versions } from './schema.ts';
import { Writer } from './writer.ts';

export interface DecodeCost {
  /** The decoder sets it: approximate heap size of the decoded arrays, in bytes. */
  heapBytes: number;
  /** The most array elements and tagged fields that this request may have. */
  readonly elementsMax: number;
}

export interface Api<Request, Response, RequestInput, ResponseInput> {
  /** Kafka's number of the API. */
  readonly key: number;
  /** Kafka's name of the API: 'Produce'. */
  readonly name: string;
  /** Versions that can be read and written, both inclusive. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The lowest version that ApiVersions advertises. Below minVersion only to work around a client. */
  readonly advertisedMinVersion: number;
  /** From this version on lengths are compact and structs end in tagged fields; Infinity: never. */
  readonly flexibleFrom: number;
  readonly requestFields: Fields;
  readonly responseFields: Fields;
  /**
   * Ignores bytes behind the body, as Kafka does: librdkafka sends some. Sets `cost.heapBytes` to the memory
   * that the decoded arrays take in addition to the bytes. Throws DecodeError.
   */
  decodeRequest(version: number, bytes: Uint8Array, position?: number, cost?: DecodeCost): Request;
  /** The body must reach to the end of the bytes. Throws DecodeError. */
  decodeResponse(version: number, bytes: Uint8Array, position?: number): Response;
  /**
   * The body as chunks. Drops fields that the version does not have. A number out of its field's range fails
   * an assertion; a text that is too long is cut.
   */
  encodeRequest(version: number, value: RequestInput): Uint8Array[];
  encodeResponse(version: number, value: ResponseInput): Uint8Array[];
  /** Like `encodeRequest`, but appends to earlier output (a header). */
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
  const { min, max } = parseVersions(table.versions);
  const request = new MessageCodec(table, 'request', table.request, min, max);
  const response = new MessageCodec(table, 'response', table.response, min, max);
  return {
    key: table.key,
    name: table.name,
    minVersion: min,
    maxVersion: max,
    advertisedMinVersion: table.advertisedMinVersion ?? min,
    flexibleFrom: table.flexibleFrom,
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

/** One direction of an API: the compiled decoders and encoders of the versions in use. */
class MessageCodec {
  private readonly api: { readonly name: string; readonly flexibleFrom: number };
  private readonly direction: 'request' | 'response';
  private readonly fields: Fields;
  private readonly min: number;
  private readonly max: number;
  private readonly elementsMax: number;
  private readonly decoders: { what: string; decode: Decode }[] = [];
  private readonly encoders: Encode[] = [];

  constructor(
    api: { readonly name: string; readonly flexibleFrom: number },
    direction: 'request' | 'response',
    fields: Fields,
    min: number,
    max: number,
  ) {
    this.api = api;
    this.direction = direction;
    this.fields = fields;
    this.min = min;
    this.max = max;
    this.elementsMax = direction === 'request' ? REQUEST_ELEMENTS_MAX : Infinity;
  }

  decode(version: number, bytes: Uint8Array, position: number, cost?: DecodeCost): unknown {
    const { what, decode } = this.decoders[version] ?? this.addDecoder(version);
    const reader = new Reader(
      bytes,
      position,
      what,
      Math.min(this.elementsMax, cost?.elementsMax ?? this.elementsMax),
    );
    const value = decode(reader);
    if (cost !== undefined) cost.heapBytes = reader.heapBytes;
    if (this.direction === 'response') reader.finish();
    return value;
  }

  encode(version: number, value: unknown): Uint8Array[] {
    const writer = new Writer();
    this.write(version, value, writer);
    return writer.finish();
  }

  write(version: number, value: unknown, writer: Writer): void {
    const encode = this.encoders[version] ?? this.addEncoder(version);
    encode(writer, value);
  }

  private addDecoder(version: number): { what: string; decode: Decode } {
    const what = `${this.api.name} v${version} ${this.direction}`;
    const decoder = { what, decode: compileDecoder(this.target(version)) };
    this.decoders[version] = decoder;
    return decoder;
  }

  private addEncoder(version: number): Encode {
    const encode = compileEncoder(this.target(version));
    this.encoders[version] = encode;
    return encode;
  }

  private target(version: number) {
    assert(
      Number.isInteger(version) && version >= this.min && version <= this.max,
      'a version the API does not have',
    );
    const name = `${this.api.name}_v${version}_${this.direction}`;
    return { name, fields: this.fields, version, flexible: version >= this.api.flexibleFrom };
  }
}
