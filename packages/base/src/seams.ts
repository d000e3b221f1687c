/**
 * The seams: a node's only access to the outside world. Folders named `io/` have the implementations that
 * real nodes use. The simulator implements the seams in memory, with faults.
 *
 * A seam reports the end of an operation by a callback in a later turn (see `Clock.soon`). Several callbacks
 * may share a turn. If a method may call back earlier, its comment says so. The seams use no promises. With
 * promises the order of events would also depend on the number of `await`s in the code, and a simulated run
 * must not depend on that.
 */

import type { Millis, Uuid, WallMillis } from './ids.ts';
import type { EventAt, FactName, FactsAt, Level } from './log-events/table.ts';

export interface Timer {
  cancel(): void;
}

/** The time, timers, and the end of the present turn. */
export interface Clock {
  /** The time of the monotonic clock, which never decreases. Timeouts and durations use this clock. */
  monotonicMs(): Millis;
  /** Wall clock time, for timestamps in data and for the age of data. */
  wallMs(): WallMillis;
  /**
   * Calls back once, after `delayMs` (>= 0). An owner of many deadlines keeps them in a DeadlineQueue and
   * uses one timer.
   */
  setTimer(delayMs: Millis, callback: () => void): Timer;
  /**
   * Calls back once, at the end of this turn. In production a turn is a round of the event loop. So the node
   * may read more input before the callback runs. A broker uses such a callback to send the answers that it
   * has gathered in the turn.
   */
  soon(callback: () => void): void;
}

/** A source of random numbers. */
export interface Random {
  /** An integer in 0 .. 2^32-1. */
  u32(): number;
  /** An integer in 0 .. limit-1; limit in 1 .. 2^32. */
  below(limit: number): number;
  /** A random version 4 id whose text does not start with '-'. */
  uuid(): Uuid;
  /**
   * Returns a source for one component. If the numbers come from a seed, draws from this source do not change
   * the numbers that other components get.
   */
  fork(name: string): Random;
}

/** A disk operation failed, or found damaged data. An error of a `Disk` names the path in its message. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  /** The system's code: ENOSPC, EIO, EACCES, … */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }

  /**
   * True if the same call can succeed later: a resource is used up for now (space, file descriptors), or a
   * signal interrupted the call.
   */
  get isTransient(): boolean {
    return TRANSIENT_CODES.has(this.code);
  }
}

const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'EINTR',
]);

/**
 * Files. Reads and writes are synchronous, so no other event can run in the middle of a state change. Reads
 * and writes use the page cache, so most are quick. A read waits for the device if the page cache lacks the
 * bytes. When `write` returns, the bytes are in the page cache. When `sync` calls back without an error, the
 * bytes are on the device. Methods that always wait for the device (`syncNow`, `syncDirectory`,
 * `writeFileAtomic`) block the event loop, and with it every partition. Methods may throw DiskError. Two
 * methods never throw it: `exists`, which returns false after an error, and `removeInBackground`.
 */
export interface Disk {
  /** Opens a file for reading and writing. Creates an empty file if there is none. The folder must exist. */
  open(path: string): DiskFile;
  exists(path: string): boolean;
  /** Names (not paths) of the entries of a folder, sorted; [] when there is no such folder. */
  list(directory: string): string[];
  /** Creates the folder and its parents. If it exists, returns false and does nothing. */
  makeDirectory(directory: string): boolean;
  /** Removes a file or a whole folder. Does nothing if there is none. */
  remove(path: string): void;
  /**
   * Like `remove`, but in the background, because the system may need seconds to delete gigabytes. After a
   * crash or a failure, some files may remain. The caller must find and remove them. Calls `done` when the
   * removal has finished or failed.
   */
  removeInBackground(path: string, done?: () => void): void;
  /**
   * Renames a file or folder. If a file already has the new name, the renamed file replaces it. The new name
   * is durable only after a sync of the folder.
   */
  rename(from: string, to: string): void;
  /** Reads the whole file; undefined when there is none. */
  readFile(path: string): Uint8Array | undefined;
  /**
   * Replaces a small file so that a crash leaves either the old or the new content: it writes a temporary
   * file, fsyncs it, renames it and fsyncs the folder. Blocks until the device has the content, so use it
   * only at start, at stop and in rare operations.
   */
  writeFileAtomic(path: string, content: Uint8Array): void;
  /**
   * Syncs the folder. When `done` gets no error, creations, removals and renames before the call are durable.
   * Calls during a sync of the folder share the next sync.
   */
  syncFolder(directory: string, done: (error?: DiskError) => void): void;
  /** Like `syncFolder`, but blocks until it is done. For start, stop and rare operations. */
  syncDirectory(directory: string): void;
  /** The space of the file system that holds the path. */
  space(path: string): DiskSpace;
}

/** Sizes in bytes. If a size is larger than `Number.MAX_SAFE_INTEGER`, this number stands for it. */
export interface DiskSpace {
  readonly totalBytes: number;
  /** Bytes that a process without special rights may still write: what `df` shows as available. */
  readonly usableBytes: number;
}

export interface DiskFile {
  readonly path: string;
  /** Current length in bytes, including writes that are not yet synced. */
  size(): number;
  /** The wall time of the last write or truncation. */
  modifiedMs(): WallMillis;
  /** Reads from `position` until `target` is full or the file ends. Returns the number of bytes read. */
  read(position: number, target: Uint8Array): number;
  /** Writes all chunks one after the other from `position`, in one system call where possible. */
  write(position: number, chunks: readonly Uint8Array[]): void;
  /** Truncates the file to this length, or extends it with zeros. */
  truncate(size: number): void;
  /** Calls `done` without an error when everything written before the call is on the device. */
  sync(done: (error?: DiskError) => void): void;
  /** Like `sync`, but blocks until it is done. For start and stop only. */
  syncNow(): void;
  close(): void;
}

export interface Address {
  host: string;
  port: number;
}

/** TCP connections, as byte streams. */
export interface Net {
  /**
   * Starts to listen. Calls either `listening` or `failed`, once, unless the listener is closed before. If
   * the port is 0, the system picks a free port, and `listening` gets this port.
   */
  listen(
    address: Address,
    events: {
      listening(port: number): void;
      failed(error: Error): void;
      /** A client has connected. Returns the handler of the new connection. */
      connection(stream: Stream): StreamHandler;
    },
  ): Listener;
  /** Starts to connect. `handler.opened` or `handler.closed` follows. */
  connect(address: Address, handler: StreamHandler): Stream;
}

export interface Listener {
  /** Stops accepting connections. Open connections of a Net stay; open calls and streams of an Rpc end. */
  close(done: () => void): void;
}

export interface StreamHandler {
  /** Called when the connection is established. For outgoing connections only. */
  opened?(): void;
  /**
   * Called when bytes have arrived. A chunk may begin and end anywhere in a message. The chunk is valid only
   * during the call, so the handler must copy the bytes that it needs later.
   */
  data(chunk: Uint8Array): void;
  /**
   * Called after a `send` that returned false: all pending bytes have left, and the caller may send again.
   */
  drained(): void;
  /** Called once, last, when the stream has ended in both directions, for any reason. */
  closed(reason: string): void;
}

export interface Stream {
  /** The peer's IP address. An IPv4 address is in dotted form, even if the socket also serves IPv6. */
  readonly remoteAddress: string;
  /**
   * Sends the chunks in order. Returns false if the peer reads slowly; the caller must then wait for
   * `drained` before it sends more. The caller may use the memory of the chunks again only if `unsentBytes`
   * is 0 when `send` returns.
   */
  send(chunks: readonly Uint8Array[]): boolean;
  /** Bytes passed to `send` that the operating system has not accepted yet. */
  readonly unsentBytes: number;
  /** Stops reading from the peer (back-pressure). `resume` starts to read again. */
  pause(): void;
  resume(): void;
  /** Sends the pending bytes, then closes. */
  end(): void;
  /** Closes at once; pending bytes are lost. `closed` follows. */
  destroy(reason: string): void;
}

/**
 * Says why a control message got no answer. `unavailable`: the peer was not reached, the connection broke, or
 * the peer is shutting down. `timeout`: no answer came in time. `refused`: the peer knows no such method, or
 * cannot decode the message. After `unavailable` and `timeout` the peer may have carried the message out.
 */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly kind: 'unavailable' | 'timeout' | 'refused';
  constructor(kind: 'unavailable' | 'timeout' | 'refused', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Node-to-node control messages: gRPC with protobuf bodies in production. Bodies are opaque bytes here. */
export interface Rpc {
  serve(
    address: Address,
    service: RpcService,
    events: { listening(port: number): void; failed(error: Error): void },
  ): Listener;
  /**
   * Returns a channel to the server at this address. The channel connects at the first call, and reconnects
   * by itself. It resolves the host name each time it connects.
   */
  channel(address: Address): RpcChannel;
}

export interface RpcService {
  /** Called for each request of a caller `peer`. The service calls `reply` once, now or later. */
  call(method: string, body: Uint8Array, reply: (answer: Uint8Array | RpcError) => void, peer: RpcPeer): void;
  /** Called when a caller `peer` has opened a stream. Returns the handler for the stream's messages. */
  stream(method: string, stream: RpcStream, peer: RpcPeer): RpcStreamHandler;
}

/** What the transport knows of the caller. For logs only: no decision may depend on it. */
export interface RpcPeer {
  /**
   * The caller's address on the connection, `host:port`. The address is `unknown` if the connection has
   * closed, because gRPC then forgets it. In a simulation, the address is only the name of the host.
   */
  readonly address: string;
  /**
   * The common name of the certificate with which the caller authenticated by TLS. Undefined: the caller did
   * not authenticate.
   */
  readonly certifiedName: string | undefined;
}

export interface RpcChannel {
  call(
    method: string,
    body: Uint8Array,
    timeoutMs: Millis,
    done: (answer: Uint8Array | RpcError) => void,
  ): void;
  openStream(method: string, handler: RpcStreamHandler): RpcStream;
  close(): void;
}

export interface RpcStream {
  send(body: Uint8Array): void;
  /** Ends the stream from this side. The peer's handler gets `closed`. */
  close(): void;
}

export interface RpcStreamHandler {
  message(body: Uint8Array): void;
  /** Called once, last: one of the two sides closed the stream, the peer died, or the connection broke. */
  closed(reason: string): void;
}

/**
 * A pure function of bytes and parameters, which may take long. It uses no other state, so it can run on any
 * thread.
 */
export interface JobKind<Parameters, Value> {
  /** Kebab-case, unique among the kinds of a node: a worker finds the function by this name. */
  readonly name: string;
  /**
   * The function owns the bytes: it may change them, and may return them or other bytes. Parameters and value
   * are plain data.
   */
  run(bytes: Uint8Array, parameters: Parameters): JobAnswer<Value>;
}

export interface JobAnswer<Value> {
  readonly value: Value;
  readonly bytes: Uint8Array;
}

/** `ok` is false if the function threw or its worker died. The bytes are then lost. */
export type JobOutcome<Value> =
  | ({ readonly ok: true } & JobAnswer<Value>)
  | { readonly ok: false; readonly reason: string };

export interface Job {
  /** Cancels the job. After this call, `done` is never called. */
  cancel(): void;
}

/**
 * Runs work on other threads, if it would block the event loop for more than a few milliseconds. A crash
 * loses every job. Jobs may finish in another order than they started.
 */
export interface Jobs {
  /**
   * Starts a job now, or queues it. Calls `done` once, in a later turn. From this call on, the job owns the
   * bytes, and no other data may share their memory. Returns undefined if it accepts no job now, for example
   * because too many jobs or bytes already wait. It then never calls `done`.
   */
  start<Parameters, Value>(
    kind: JobKind<Parameters, Value>,
    bytes: Uint8Array,
    parameters: Parameters,
    done: (outcome: JobOutcome<Value>) => void,
  ): Job | undefined;
}

/** Has one method for each level. The method takes the events of its level, each with its facts. */
export type LogMethods = {
  [L in Level]: <Name extends EventAt<L>>(event: Name, facts: FactsAt[L][Name]) => void;
};

/**
 * Logs structured events. An event has a stable name in kebab case, for example `leader-elected` or
 * `log-truncated`, and facts. log-events/table.ts lists all events, and docs/logging.md is generated from
 * this table.
 */
export interface Logger extends LogMethods {
  /** A logger that adds these facts to every event. */
  child(facts: { readonly [Name in FactName]?: unknown }): Logger;
}
