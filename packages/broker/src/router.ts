/**
 * Routes a frame to its handler: reads the header, checks the version, decodes the body. The router closes
 * the connection on an unknown API or version, as Kafka does; only ApiVersions gets an answer even in an
 * unknown version (KIP-511). On bytes that do not decode, the router throws DecodeError to the connection.
 */
import type { MetadataImage } from '@millrace/metadata';
import {
  type AnyApi,
  apis,
  DecodeError,
  decodeRequestHeader,
  encodeResponseFrame,
  type RequestHeader,
  responseFrameOf,
} from '@millrace/protocol';
import type { Connection } from './connection/connection.ts';
import type { ClosingFacts, Slot } from './connection/response-slots.ts';
import type { BrokerContext, Handler, Reply } from './handler.ts';
import { unsupportedApiVersions } from './handlers/api-versions.ts';

/**
 * These requests bring records, or create, extend, alter or delete topics. The router allows them more array
 * elements than other requests, and limits their bytes only by `socket.request.max.bytes`.
 */
const bringing: ReadonlySet<number> = new Set(
  [
    apis.produce,
    apis.createTopics,
    apis.createPartitions,
    apis.deleteTopics,
    apis.alterConfigs,
    apis.incrementalAlterConfigs,
  ].map(({ key }) => key),
);
/**
 * JoinGroup brings the subscription of a member, SyncGroup the assignments of all members, and OffsetCommit a
 * text for each partition. All may be large. As in Kafka, only `socket.request.max.bytes` limits their bytes.
 */
const growing: ReadonlySet<number> = new Set(
  [apis.joinGroup, apis.syncGroup, apis.offsetCommit].map(({ key }) => key),
);
/**
 * Size limit of a request that is in neither of the two sets above. Such a request mostly names topics and
 * partitions, so each partition of the cluster raises the limit. The router refuses a larger request before
 * the broker reads the rest of it.
 */
const NAMING_BYTES = 2 << 20;
const NAMING_BYTES_PER_PARTITION = 1024;
/**
 * Limit on array elements in a request that brings records, or creates, extends, alters or deletes topics.
 * Any other request also has this limit if its frame has at most this many bytes.
 */
const ELEMENTS_BROUGHT = 100_000;
/** Limit on array elements in any other request. */
const ELEMENTS_NAMED = 10_000;
/** Additional elements for each partition of the cluster. */
const ELEMENTS_PER_PARTITION = 4;

export class Router {
  /** The router counts the partitions when a large frame arrives, once for each metadata image. */
  private countedImage: MetadataImage | undefined;
  private partitionCount = 0;
  private readonly handlers: ReadonlyMap<number, Handler>;
  private readonly broker: BrokerContext;

  constructor(handlers: readonly Handler[], broker: BrokerContext) {
    this.handlers = new Map(handlers.map((handler) => [handler.api.key, handler]));
    this.broker = broker;
  }

  route(frame: Uint8Array, connection: Connection): void {
    const header = decodeRequestHeader(frame);
    this.checkSize(frame, frame.length);
    const handler = this.handlers.get(header.apiKey);
    if (handler === undefined) {
      connection.refuse('unknown API key', facts(header));
      return;
    }
    const { api } = handler;
    if (header.apiVersion < api.minVersion || header.apiVersion > api.maxVersion) {
      this.refuseVersion(api, header, frame, connection);
      return;
    }
    const cost = { heapBytes: 0, elementsMax: this.elementsMax(header.apiKey, frame) };
    const body = api.decodeRequest(header.apiVersion, frame, header.bodyPosition, cost);
    const slot = connection.openSlot({
      apiName: api.name,
      frameBytes: frame.length,
      decodedBytes: cost.heapBytes,
      exclusive: handler.exclusive,
    });
    const request = {
      version: header.apiVersion,
      clientId: header.clientId,
      listenerName: connection.listenerName,
      remoteAddress: connection.remoteAddress,
      body,
      bytes: frame.subarray(header.bodyPosition),
    };
    handler.handle(this.broker, request, new PendingReply(connection, slot, api, header));
    // After this call, no code uses the decoded request or the bytes of the frame.
    if (!handler.keepsRequest) connection.forgetRequest(slot);
  }

  /** True if the request of this frame brings records, or creates, extends, alters or deletes topics. */
  brings(frame: Uint8Array): boolean {
    return frame.length >= 2 && bringing.has(apiKeyOf(frame));
  }

  checkSize(start: Uint8Array, sizeBytes: number): void {
    if (sizeBytes <= NAMING_BYTES || start.length < 2 || this.brings(start)) return;
    const apiKey = apiKeyOf(start);
    if (growing.has(apiKey)) return;
    const maxBytes = NAMING_BYTES + NAMING_BYTES_PER_PARTITION * this.partitions();
    if (sizeBytes > maxBytes)
      throw new DecodeError(`${sizeBytes} bytes for a request of API ${apiKey}, more than ${maxBytes}`);
  }

  /**
   * The limit for array elements in a frame. A legitimate request may name all partitions several times, or
   * many new topics.
   */
  private elementsMax(apiKey: number, frame: Uint8Array): number {
    // An element takes at least one byte, so this frame cannot exceed the limit.
    if (frame.length <= ELEMENTS_BROUGHT) return ELEMENTS_BROUGHT;
    const ofItsKind = bringing.has(apiKey) ? ELEMENTS_BROUGHT : ELEMENTS_NAMED;
    return ofItsKind + ELEMENTS_PER_PARTITION * this.partitions();
  }

  /** The number of partitions of all topics. */
  private partitions(): number {
    const image = this.broker.image();
    if (image !== this.countedImage) {
      this.countedImage = image;
      this.partitionCount = 0;
      for (const name of image.topicNames) this.partitionCount += image.topic(name)!.partitions.length;
    }
    return this.partitionCount;
  }

  private refuseVersion(api: AnyApi, header: RequestHeader, frame: Uint8Array, connection: Connection): void {
    if (api.key === apis.apiVersions.key) {
      // Answers in version 0, which every client can read. Ignores the request's body.
      const slot = connection.openSlot({
        apiName: api.name,
        frameBytes: frame.length,
        decodedBytes: 0,
        exclusive: false,
      });
      connection.answer(slot, encodeResponseFrame(api, 0, header.correlationId, unsupportedApiVersions(api)));
      return;
    }
    connection.refuse('unsupported version', { api: api.name, ...facts(header) });
  }
}

function apiKeyOf(frame: Uint8Array): number {
  return (frame[0]! << 8) | frame[1]!;
}

function facts(header: RequestHeader): ClosingFacts {
  const { apiKey, apiVersion, clientId } = header;
  return { apiKey, apiVersion, clientId };
}

/** The reply to one request. Encodes the answer for the request's version. */
class PendingReply implements Reply<unknown> {
  private readonly connection: Connection;
  private readonly slot: Slot;
  private readonly api: AnyApi;
  private readonly version: number;
  private readonly correlationId: number;

  constructor(connection: Connection, slot: Slot, api: AnyApi, header: RequestHeader) {
    this.connection = connection;
    this.slot = slot;
    this.api = api;
    this.version = header.apiVersion;
    this.correlationId = header.correlationId;
  }

  send(response: unknown): void {
    if (this.connection.state !== 'open') return;
    const chunks = encodeResponseFrame(this.api, this.version, this.correlationId, response);
    this.connection.answer(this.slot, chunks);
  }

  sendEncoded(body: Uint8Array): void {
    if (this.connection.state !== 'open') return;
    this.connection.answer(this.slot, responseFrameOf(this.api, this.version, this.correlationId, body));
  }

  nothing(): void {
    this.connection.answerNothing(this.slot);
  }

  close(reason: string): void {
    this.connection.answerClose(this.slot, reason);
  }

  hold(): () => void {
    return this.connection.hold();
  }

  onGone(callback: () => void): void {
    this.slot.cancel = callback;
  }

  onNextRequest(callback: () => void): void {
    this.slot.onNextRequest = callback;
  }

  onAbandoned(callback: () => void): void {
    this.slot.cancel = callback;
    this.slot.outlivesClient = true;
  }
}
