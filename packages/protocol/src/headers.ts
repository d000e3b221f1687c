/**
 * Request and response headers and whole frames.
 *
 *     request  = size int32, apiKey int16, apiVersion int16, correlationId int32, clientId nullable string,
 *                [tagged], body
 *     response = size int32, correlationId int32, [tagged], body
 *
 * The headers of flexible versions have tagged fields, with one exception: the response header of ApiVersions
 * never has them, so that a client can read it before it knows the broker's versions (KIP-511). The client id
 * is never compact.
 */
import { assert } from '@millrace/base';
import type { AnyApi, Api } from './api.ts';
import { apiByKey } from './apis/index.ts';
import { REQUEST_ELEMENTS_MAX, Reader } from './reader.ts';
import { Writer } from './writer.ts';

const API_VERSIONS_KEY = 18;
const SIZE_BYTES = 4;

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  /** Where the body begins in the frame. */
  readonly bodyPosition: number;
}

/**
 * Reads the header of a request frame (without its size). For an unknown API it reads only the fixed part;
 * clientId is null then. Does not check that the API has the version. Throws DecodeError.
 */
export function decodeRequestHeader(frame: Uint8Array): RequestHeader {
  const reader = new Reader(frame, 0, 'request header', REQUEST_ELEMENTS_MAX);
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  const api = apiByKey.get(apiKey);
  if (api === undefined)
    return { apiKey, apiVersion, correlationId, clientId: null, bodyPosition: reader.position };
  const clientId = reader.nullableString();
  if (apiVersion >= api.flexibleFrom) reader.skipTagged();
  return { apiKey, apiVersion, correlationId, clientId, bodyPosition: reader.position };
}

/** A whole request, size first. */
export function encodeRequestFrame<Request, Response, RequestInput, ResponseInput>(
  api: Api<Request, Response, RequestInput, ResponseInput>,
  version: number,
  correlationId: number,
  clientId: string | null,
  value: RequestInput,
): Uint8Array[] {
  const writer = new Writer();
  writer.int32(0);
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(correlationId);
  writer.nullableString(clientId);
  if (version >= api.flexibleFrom) writer.noTagged();
  api.writeRequest(version, value, writer);
  return finishFrame(writer);
}

export interface ResponseHeader {
  readonly correlationId: number;
  /** Where the body begins in the frame. */
  readonly bodyPosition: number;
}

/** Reads the header of a response frame (without its size). `api` and `version` are those of the request. */
export function decodeResponseHeader(api: AnyApi, version: number, frame: Uint8Array): ResponseHeader {
  const reader = new Reader(frame, 0, 'response header', REQUEST_ELEMENTS_MAX);
  const correlationId = reader.int32();
  if (hasTaggedResponseHeader(api, version)) reader.skipTagged();
  return { correlationId, bodyPosition: reader.position };
}

/** A whole response, size first. */
export function encodeResponseFrame<Request, Response, RequestInput, ResponseInput>(
  api: Api<Request, Response, RequestInput, ResponseInput>,
  version: number,
  correlationId: number,
  value: ResponseInput,
): Uint8Array[] {
  const writer = responseWriter(api, version, correlationId);
  api.writeResponse(version, value, writer);
  return finishFrame(writer);
}

/** Like `encodeResponseFrame`, for a body that is already encoded. Does not copy the body. */
export function responseFrameOf(
  api: AnyApi,
  version: number,
  correlationId: number,
  body: Uint8Array,
): Uint8Array[] {
  const writer = responseWriter(api, version, correlationId);
  writer.encoded(body);
  return finishFrame(writer);
}

/** Writes the header; `finishFrame` fills in the size. */
function responseWriter(
  api: { key: number; flexibleFrom: number },
  version: number,
  correlationId: number,
): Writer {
  const writer = new Writer();
  writer.int32(0);
  writer.int32(correlationId);
  if (hasTaggedResponseHeader(api, version)) writer.noTagged();
  return writer;
}

function hasTaggedResponseHeader(api: { key: number; flexibleFrom: number }, version: number): boolean {
  return version >= api.flexibleFrom && api.key !== API_VERSIONS_KEY;
}

/**
 * Fills in the size of the frame, which is known only at the end. Its place is in the first chunk, which
 * never holds record bytes.
 */
function finishFrame(writer: Writer): Uint8Array[] {
  const sizeBytes = writer.sizeBytes - SIZE_BYTES;
  assert(sizeBytes <= 0x7fffffff, 'a frame holds at most 2 GiB');
  const chunks = writer.finish();
  const first = chunks[0]!;
  first[0] = sizeBytes >> 24;
  first[1] = sizeBytes >> 16;
  first[2] = sizeBytes >> 8;
  first[3] = sizeBytes;
  return chunks;
}
