/**
 * Rpc over gRPC (HTTP/2, without TLS for now). There is one generic service, `millrace.Control`, with a unary
 * method `Call` and a bidirectional `Stream`. The method name of a unary call or of a stream is in the gRPC
 * metadata, and bodies are raw bytes. Most calls of a channel share one stream, whose messages name the
 * methods (calls.ts). Only a call with a large body is a unary call. A channel connects lazily, reconnects
 * within about 100 ms, and resolves the host name again when it reconnects. Keepalive pings detect dead
 * peers. This file never decodes a body. After `close`, no timer or socket keeps the process alive.
 */
import {
  Client,
  credentials,
  logVerbosity,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  setLogVerbosity,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  type Address,
  type Listener,
  type Millis,
  type Rpc,
  type RpcChannel,
  RpcError,
  type RpcPeer,
  type RpcService,
  type RpcStream,
  type RpcStreamHandler,
} from '@millrace/base';
import { Answerer, CALLS_METHOD, Caller } from './calls.ts';

const MESSAGE_BYTES_MAX = 64 << 20;
/** A call with a body larger than this gets an HTTP/2 stream of its own. */
const LARGE_CALL_BYTES = 64 << 10;
/** The longest time that a closing server waits until peers have received the last answers. */
const SHUTDOWN_GRACE_MS = 100;
const METHOD_KEY = 'method';

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const sameBytes = (bytes: Buffer): Uint8Array => bytes;

const definition: ServiceDefinition = {
  call: methodDefinition('/millrace.Control/Call', false),
  stream: methodDefinition('/millrace.Control/Stream', true),
};

function methodDefinition(path: string, streaming: boolean) {
  return {
    path,
    requestStream: streaming,
    responseStream: streaming,
    requestSerialize: toBuffer,
    requestDeserialize: sameBytes,
    responseSerialize: toBuffer,
    responseDeserialize: sameBytes,
  };
}

const commonOptions = {
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.keepalive_time_ms': 2000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.enable_channelz': 0,
};

const channelOptions = {
  ...commonOptions,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 100,
  'grpc.dns_min_time_between_resolutions_ms': 200,
  // Channels of several nodes in one process must not share a connection.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
};

// By default the gRPC library logs to stderr. It also reports everything important as errors of calls and
// streams. So this line turns its logging off.
setLogVerbosity(logVerbosity.NONE);

/**
 * The Rpc seam over @grpc/grpc-js. It has no state, so its servers and channels are independent of each
 * other.
 */
export class GrpcRpc implements Rpc {
  serve(
    address: Address,
    service: RpcService,
    events: { listening(port: number): void; failed(error: Error): void },
  ): Listener {
    return new GrpcListener(address, service, events);
  }

  channel(address: Address): RpcChannel {
    return new GrpcChannel(address);
  }
}

class GrpcListener implements Listener {
  readonly #server = new Server(commonOptions);
  /** Functions that end parked calls and open streams. */
  readonly #open = new Set<() => void>();

  constructor(
    address: Address,
    service: RpcService,
    events: { listening(port: number): void; failed(error: Error): void },
  ) {
    const implementation: UntypedServiceImplementation = {
      call: (call: ServerUnaryCall<Uint8Array, Uint8Array>, answer: sendUnaryData<Uint8Array>) =>
        this.#call(service, call, answer),
      stream: (call: ServerDuplexStream<Uint8Array, Uint8Array>) => this.#stream(service, call),
    };
    this.#server.addService(definition, implementation);
    this.#server.bindAsync(target(address), ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) events.listening(port);
      else
        events.failed(new Error(`cannot listen on ${target(address)}: ${error.message}`, { cause: error }));
    });
  }

  #call(
    service: RpcService,
    call: ServerUnaryCall<Uint8Array, Uint8Array>,
    answer: sendUnaryData<Uint8Array>,
  ): void {
    let answered = false;
    const finish = (result: Uint8Array | RpcError) => {
      if (answered) return;
      answered = true;
      this.#open.delete(abort);
      if (result instanceof RpcError) answer({ code: codeOf(result), details: result.message });
      else answer(null, result);
    };
    const abort = () => finish(new RpcError('unavailable', 'the server is closing'));
    this.#open.add(abort);
    call.on('cancelled', () => {
      answered = true;
      this.#open.delete(abort);
    });
    service.call(methodOf(call.metadata), call.request, finish, peerOf(call));
  }

  #stream(service: RpcService, call: ServerDuplexStream<Uint8Array, Uint8Array>): void {
    let open = true;
    const finish = (reason: string) => {
      if (!open) return;
      open = false;
      this.#open.delete(abort);
      call.end();
      handler.closed(reason);
    };
    const abort = () => {
      if (handler instanceof Answerer) handler.flush();
      finish('the server is closing');
    };
    const stream: RpcStream = {
      send: (body) => {
        if (open) call.write(body);
      },
      close: () => setImmediate(() => finish('closed')),
    };
    const method = methodOf(call.metadata);
    const peer = peerOf(call);
    const handler =
      method === CALLS_METHOD
        ? new Answerer(service, stream, peer, MESSAGE_BYTES_MAX)
        : service.stream(method, stream, peer);
    // Send the metadata at once, because the client sends nothing before it gets the metadata.
    call.sendMetadata(new Metadata());
    this.#open.add(abort);
    call.on('data', (body: Uint8Array) => {
      if (open) handler.message(body);
    });
    call.on('end', () => finish('closed by the peer'));
    call.on('cancelled', () => finish('connection lost'));
    call.on('error', (error: Error) => finish(error.message));
  }

  close(done: () => void): void {
    for (const abort of [...this.#open]) abort();
    const force = setTimeout(() => this.#server.forceShutdown(), SHUTDOWN_GRACE_MS);
    this.#server.tryShutdown(() => {
      clearTimeout(force);
      done();
    });
  }
}

class GrpcChannel implements RpcChannel {
  readonly #client: Client;
  readonly #open = new Set<() => void>();
  #caller: Caller | undefined;
  #closed = false;

  constructor(address: Address) {
    this.#client = new Client(target(address), credentials.createInsecure(), channelOptions);
  }

  call(
    method: string,
    body: Uint8Array,
    timeoutMs: Millis,
    done: (answer: Uint8Array | RpcError) => void,
  ): void {
    if (this.#closed) {
      setImmediate(done, new RpcError('unavailable', 'the channel is closed'));
      return;
    }
    if (body.length > LARGE_CALL_BYTES) {
      this.#callAlone(method, body, timeoutMs, done);
      return;
    }
    this.#caller ??= new Caller(
      (caller) => this.#openStream(CALLS_METHOD, caller, () => caller.opened()),
      () => {
        this.#caller = undefined;
      },
    );
    const forget = this.#caller.call(method, body, (answer) => {
      clearTimeout(timer);
      done(answer);
    });
    const timer = setTimeout(() => {
      forget();
      done(new RpcError('timeout', 'no answer in time'));
    }, timeoutMs);
  }

  #callAlone(
    method: string,
    body: Uint8Array,
    timeoutMs: Millis,
    done: (answer: Uint8Array | RpcError) => void,
  ): void {
    const abort = () => call.cancel();
    const call = this.#client.makeUnaryRequest(
      '/millrace.Control/Call',
      toBuffer,
      sameBytes,
      body,
      metadataOf(method),
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        this.#open.delete(abort);
        if (error !== null) done(errorOf(error));
        else done(answer ?? new RpcError('unavailable', 'no answer'));
      },
    );
    this.#open.add(abort);
  }

  openStream(method: string, handler: RpcStreamHandler): RpcStream {
    return this.#openStream(method, handler, () => {});
  }

  /**
   * Opens a stream. Calls `taken` when the peer has accepted the stream, and sends no message before that.
   * The reason: if the peer's process is stopped (SIGSTOP), its operating system still accepts connections.
   * gRPC would keep every message for such a process, and deliver even very old messages when the process
   * resumes.
   */
  #openStream(method: string, handler: RpcStreamHandler, taken: () => void): RpcStream {
    let open = true;
    let unsent: Uint8Array[] | undefined = [];
    const finish = (reason: string) => {
      if (!open) return;
      open = false;
      handler.closed(reason);
    };
    if (this.#closed) {
      setImmediate(finish, 'the channel is closed');
      return { send: () => {}, close: () => {} };
    }
    const call = this.#client.makeBidiStreamRequest(
      '/millrace.Control/Stream',
      toBuffer,
      sameBytes,
      metadataOf(method),
    );
    const abort = () => call.cancel();
    this.#open.add(abort);
    call.on('metadata', () => {
      if (!open) return;
      for (const body of unsent ?? []) call.write(body);
      unsent = undefined;
      taken();
    });
    call.on('data', (body: Uint8Array) => {
      if (open) handler.message(body);
    });
    call.on('end', () => finish('closed by the peer'));
    call.on('error', (error: ServiceError) => finish(error.details ?? error.message));
    call.on('status', () => {
      this.#open.delete(abort);
      finish('closed by the peer');
    });
    return {
      send: (body) => {
        if (!open) return;
        if (unsent === undefined) call.write(body);
        else unsent.push(body);
      },
      close: () => {
        if (unsent === undefined) call.end();
        else call.cancel();
        setImmediate(finish, 'closed');
      },
    };
  }

  close(): void {
    this.#closed = true;
    for (const abort of [...this.#open]) abort();
    this.#client.close();
  }
}

/** The address in gRPC's form: `host:port`, with an IPv6 address in brackets. */
function target({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host === '' ? '0.0.0.0' : host}:${port}`;
}

function metadataOf(method: string): Metadata {
  const metadata = new Metadata();
  metadata.set(METHOD_KEY, method);
  return metadata;
}

type ServerCall = Pick<ServerUnaryCall<Uint8Array, Uint8Array>, 'getPeer' | 'getAuthContext'>;

function peerOf(call: ServerCall): RpcPeer {
  const name = call.getAuthContext().sslPeerCertificate?.subject.CN;
  return { address: call.getPeer(), certifiedName: Array.isArray(name) ? name[0] : name };
}

function methodOf(metadata: Metadata): string {
  return String(metadata.get(METHOD_KEY)[0] ?? '');
}

function codeOf(error: RpcError): status {
  if (error.kind === 'timeout') return status.DEADLINE_EXCEEDED;
  return error.kind === 'refused' ? status.FAILED_PRECONDITION : status.UNAVAILABLE;
}

function errorOf(error: ServiceError): RpcError {
  return new RpcError(kindOf(error.code), error.details === '' ? error.message : error.details);
}

function kindOf(code: status): RpcError['kind'] {
  if (code === status.DEADLINE_EXCEEDED) return 'timeout';
  if (code === status.UNAVAILABLE || code === status.CANCELLED || code === status.INTERNAL)
    return 'unavailable';
  return 'refused';
}
