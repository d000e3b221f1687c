/**
 * One client connection: reads bytes, passes frames to the router, and sends answers in request order. Owns
 * the back-pressure: decides when to start the next request and when to read the socket. Never decodes a
 * request and never blocks; a silent connection holds no buffer and no timer. When the client closes, the
 * broker may still handle requests that it has received (`handleRest`).
 */
import type { Deadline, Millis, Stream, StreamHandler } from '@millrace/base';
import { DecodeError, type SpareBuffers } from '@millrace/protocol';
import type { FrontEndLimits } from '../config.ts';
import type { FrontEndMetrics } from '../front-end-metrics.ts';
import { HeldBytes } from './held-bytes.ts';
import { Input, type InputHost } from './input.ts';
import type { Holder, MemoryBudget } from './memory-budget.ts';
import type { ConnectionLogger } from './quiet-logger.ts';
import {
  type Closing,
  type ClosingFacts,
  type OpenedRequest,
  ResponseSlots,
  type Slot,
} from './response-slots.ts';

/** An object that the front end's one timer wakes. */
export interface Sleeper {
  deadlineReached(now: Millis): void;
}

/** Services that all connections of a front end share. */
export interface ConnectionHost extends InputHost {
  readonly limits: FrontEndLimits;
  readonly budget: MemoryBudget;
  readonly metrics: FrontEndMetrics;
  /** Buffers for assembling frames and for the records in answers. */
  readonly spares: SpareBuffers;
  readonly logger: ConnectionLogger;
  nowMs(): Millis;
  /**
   * Decodes one frame and starts its request in a slot of the connection. If the frame is no valid request,
   * throws DecodeError or calls `refuse` of the connection. The bytes are valid only during the call.
   */
  route(frame: Uint8Array, connection: Connection): void;
  /** True if the request of this frame brings records, or creates, extends, alters or deletes topics. */
  brings(frame: Uint8Array): boolean;
  /** Calls the connection's `flush` at the end of this turn. */
  flushSoon(connection: Connection): void;
  /**
   * Calls the connection's `deadlineReached` at the time `at`. A later call of `wakeAt` replaces the time.
   */
  wakeAt(connection: Connection, at: Millis): void;
  /** The connection calls this once, when both sides have closed it. */
  gone(connection: Connection): void;
}

/**
 * Fills the slot of a frame that was no valid request. The slot closes the connection after the answers to
 * the earlier requests.
 */
const NO_REQUEST: OpenedRequest = { apiName: '', frameBytes: 0, decodedBytes: 0, exclusive: false };
/** While a request keeps the next one from starting, the broker reads about this many bytes ahead. */
const READ_AHEAD_BYTES = 65_536;

export class Connection implements StreamHandler, Holder, Sleeper {
  readonly listenerName: string;
  readonly remoteAddress: string;
  /** Set by the host only: the deadline at which it wakes this connection. */
  deadline: Deadline<Sleeper> | undefined;
  /** Set by the host only: true if this connection has already asked for a flush in this turn. */
  flushAsked = false;
  /**
   * Open: reads and answers. Orphaned: the peer closed; the broker may still handle complete requests that it
   * received, and sends no answers. Closing: the broker ended or destroyed the stream, and waits for the end
   * of the connection. Closed: gone.
   */
  state: 'open' | 'orphaned' | 'closing' | 'closed' = 'open';

  private readonly stream: Stream;
  private readonly host: ConnectionHost;
  private readonly input: Input;
  private readonly slots = new ResponseSlots();
  private readonly held = new HeldBytes();
  private peerSlow = false;
  private slowSinceMs: Millis = 0;
  private exclusiveRunning = false;
  /** Number of `hold` calls whose returned function is not called yet. Above 0, no request may start. */
  private holds = 0;
  private memoryWait = false;
  /** True if the connection starts no more requests, because of bad input or a failed acks=0 produce. */
  private isRefused = false;
  private paused = false;
  private routing = false;
  private lastActiveMs: Millis;

  constructor(host: ConnectionHost, stream: Stream, listenerName: string) {
    this.host = host;
    this.input = new Input(host);
    this.stream = stream;
    this.listenerName = listenerName;
    this.remoteAddress = stream.remoteAddress;
    this.lastActiveMs = host.nowMs();
  }

  // ---- events of the stream ----

  data(chunk: Uint8Array): void {
    if (this.state !== 'open' || this.isRefused) return;
    this.lastActiveMs = this.host.nowMs();
    this.input.push(chunk);
    this.advance();
    this.input.keep();
  }

  drained(): void {
    if (this.state === 'closed') return;
    this.lastActiveMs = this.host.nowMs();
    this.peerSlow = false;
    this.held.undrained = 0;
    if (this.state === 'open') this.flush();
    else this.account();
  }

  closed(reason: string): void {
    if (this.state === 'closed') return;
    this.held.undrained = 0;
    if (this.state !== 'open') {
      this.finish();
      return;
    }
    const { listenerName: listener, remoteAddress } = this;
    this.host.logger.debug('connection-ended', { listener, remoteAddress, reason });
    this.state = 'orphaned';
    this.peerSlow = false;
    this.slots.cancelUnread(this.host.nowMs());
    this.handleRest();
  }

  // ---- calls of the router and the handlers ----

  /** Called when the router accepted a request. Returns its place in the order of answers. */
  openSlot(opened: OpenedRequest): Slot {
    this.held.request += opened.frameBytes + opened.decodedBytes;
    this.held.decoded += opened.decodedBytes;
    if (opened.exclusive) this.exclusiveRunning = true;
    return this.slots.open(opened, this.host.nowMs());
  }

  /**
   * Counts the frame and the decoded request as freed, because no code refers to them when `route` returns.
   * The answer may follow later.
   */
  forgetRequest(slot: Slot): void {
    // When the request ended, all of its bytes were subtracted.
    if (slot.isOver) return;
    this.held.request -= slot.requestBytes;
    this.held.decoded -= slot.decodedBytes;
    slot.requestBytes = 0;
    slot.decodedBytes = 0;
  }

  /** The connection starts no request until the returned function is called. */
  hold(): () => void {
    this.holds++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.holds--;
      if (this.state === 'open' || this.state === 'orphaned') this.host.flushSoon(this);
    };
  }

  answer(slot: Slot, chunks: readonly Uint8Array[]): void {
    if (this.state !== 'open' || slot.outcome !== undefined) return;
    let sizeBytes = 0;
    for (const chunk of chunks) sizeBytes += chunk.length;
    slot.outcome = { kind: 'answer', chunks, sizeBytes };
    this.held.answer += sizeBytes;
    this.host.flushSoon(this);
    // Update the budget at once, so that the next answer of this turn gets less memory.
    this.account();
  }

  /** Ends a request that gets no answer (acks=0): its outcome is known, and the next answer may leave. */
  answerNothing(slot: Slot): void {
    if (this.state !== 'open' || slot.outcome !== undefined) return;
    slot.outcome = { kind: 'none' };
    this.host.flushSoon(this);
  }

  /** Ends the connection in place of the answer. A client that has not closed gets the earlier answers. */
  answerClose(slot: Slot, reason: string): void {
    if (this.state === 'orphaned' && !slot.isOver) {
      this.logClosed('info', reason);
      this.isRefused = true;
      this.host.flushSoon(this);
      return;
    }
    if (this.state !== 'open' || slot.outcome !== undefined) return;
    slot.outcome = { kind: 'close', reason, facts: {}, level: 'info' };
    this.host.flushSoon(this);
  }

  /**
   * Handles bad input. An open connection answers the earlier requests, even those that still wait for an
   * outcome. Then it closes and leaves the bad request unanswered. An orphaned connection ends at once.
   */
  refuse(reason: string, facts: ClosingFacts): void {
    if (this.state === 'orphaned') {
      this.close(reason, facts);
      return;
    }
    if (this.state !== 'open' || this.isRefused) return;
    this.host.metrics.malformed.add(1);
    this.isRefused = true;
    this.input.discard();
    if (this.slots.size === 0) {
      this.close(reason, facts);
      return;
    }
    this.slots.open(NO_REQUEST, this.host.nowMs()).outcome = { kind: 'close', reason, facts, level: 'warn' };
    this.host.flushSoon(this);
  }

  /** Sends the ready answers (if the client has not closed), logs the reason, and closes the connection. */
  close(reason: string, facts: ClosingFacts = {}, level: 'info' | 'warn' = 'warn'): void {
    if (this.state === 'orphaned') {
      this.logClosed(level, reason, facts);
      this.finish();
      return;
    }
    if (this.state !== 'open') return;
    const ready = this.takeReady();
    if (ready.chunks.length > 0) this.send(ready.chunks, ready.sizeBytes);
    this.shut(reason, facts, level);
  }

  /** Closes the broker's side, and drops the input and all pending requests. */
  private shut(reason: string, facts: ClosingFacts, level: 'info' | 'warn'): void {
    this.logClosed(level, reason, facts);
    this.state = 'closing';
    this.abandon();
    this.stream.end();
    // Read on and drop the bytes, because the broker notices only while it reads that the peer closes.
    this.setPaused(false);
    this.account();
    this.host.wakeAt(this, this.host.nowMs() + this.host.limits.closeGraceMs);
  }

  // ---- calls of the front end ----

  /** Sends the ready answers in one write, unless the peer is slow. Then starts the next requests. */
  flush(): void {
    if (this.state === 'orphaned') this.handleRest();
    if (this.state !== 'open') return;
    if (!this.peerSlow) {
      const ready = this.takeReady();
      if (ready.chunks.length > 0) this.send(ready.chunks, ready.sizeBytes);
      if (ready.close !== undefined) {
        this.shut(ready.close.reason, ready.close.facts, ready.close.level);
        return;
      }
    }
    this.advance();
  }

  memoryFreed(): void {
    this.memoryWait = false;
    if (this.state === 'open') this.advance();
    else if (this.state === 'orphaned') this.handleRest();
  }

  get stalledSinceMs(): Millis | undefined {
    // An orphaned connection waits for the broker, not for its peer.
    if (this.state === 'orphaned') return undefined;
    if (this.peerSlow) return this.slowSinceMs;
    if (this.input.bufferedBytes > 0 && !this.isHeldUp && !this.full()) return this.lastActiveMs;
    return undefined;
  }

  drop(reason: string): void {
    if (this.state === 'closed') return;
    if (this.state === 'orphaned') {
      this.close(reason);
      return;
    }
    this.logClosed('warn', reason, { heldBytes: this.held.told });
    this.state = 'closing';
    this.stream.destroy(reason);
    this.abandon();
    this.held.undrained = 0;
    this.account();
  }

  /**
   * The host's deadline for this connection is reached. Closes the connection if it was idle for too long, or
   * destroys it if the broker has closed its own side. Otherwise sets the next deadline.
   */
  deadlineReached(now: Millis): void {
    if (this.state === 'closing') {
      this.stream.destroy('the peer kept its end open');
      return;
    }
    const busy = this.slots.size > 0 && !this.peerSlow;
    const idleFrom = busy ? now : this.lastActiveMs;
    if (now - idleFrom >= this.host.limits.idleMs) this.close('idle', { idleMs: now - idleFrom }, 'info');
    else this.host.wakeAt(this, idleFrom + this.host.limits.idleMs);
  }

  /** The bytes that the budget last counted. */
  get heldBytes(): number {
    return this.held.told;
  }

  // ---- inside ----

  /** True if this connection has reached its limit of pending requests or its limit of bytes. */
  private full(): boolean {
    const { limits } = this.host;
    return (
      this.slots.size >= limits.connectionMaxRequests ||
      this.held.request + this.held.answer >= limits.connectionMaxBytes
    );
  }

  /** True if the next request must wait for an earlier one. */
  private get isHeldUp(): boolean {
    return this.exclusiveRunning || this.holds > 0;
  }

  private mayStart(): boolean {
    return this.state === 'open' && !this.isRefused && !this.peerSlow && !this.isHeldUp && !this.full();
  }

  /** Starts every request that may start, then decides whether to read more. */
  private advance(): void {
    // A handler that the loop below calls may answer at once, free memory, and so call this method again. The
    // running loop then starts the next request.
    if (this.routing) return;
    this.routing = true;
    try {
      while (this.mayStart() && !this.input.mustWaitForOthers && this.startNext());
    } catch (error) {
      this.failOn(error);
    } finally {
      this.routing = false;
    }
    if (this.state !== 'open') return;
    if (this.exclusiveRunning && this.input.bufferedBytes > 0) this.slots.nextRequestArrived();
    this.account();
    this.settleReading();
  }

  /** False: no whole request has arrived. */
  private startNext(): boolean {
    return this.input.takeFrame((frame) => this.host.route(frame, this));
  }

  /**
   * Runs after the client has closed. Handles the remaining requests; waits while a job checks a batch, or
   * for memory. Ends the connection after the last request. The broker drops all answers, so no request waits
   * for an earlier answer, and the limits on pending requests do not apply.
   */
  private handleRest(): void {
    if (this.routing) {
      this.host.flushSoon(this);
      return;
    }
    this.lastActiveMs = this.host.nowMs();
    this.routing = true;
    try {
      while (this.handleNext());
    } catch (error) {
      this.failOn(error);
    } finally {
      this.routing = false;
    }
    if (this.state !== 'orphaned') return;
    this.account();
    if (this.holds === 0 && this.input.mustWaitForOthers) this.waitForMemory();
  }

  /** Takes the next request. Returns false if it must wait, or if the connection has ended. */
  private handleNext(): boolean {
    if (this.state !== 'orphaned' || this.holds > 0) return false;
    // Each started request is done, or finishes without this connection. If the answer to a costly batch with
    // acks was not sent, the client retries this request and the later ones. So the broker handles nothing
    // behind the batch: a slow broker must not check the same batches twice. Not compared with Kafka.
    if (this.forgetRequests().some((slot) => slot.outlivesClient)) {
      this.finish();
      return false;
    }
    this.account();
    const { input } = this;
    if (!input.endsInHalf && input.mustWaitForOthers) return false;
    // Skip requests that bring nothing: the broker drops their answers, and hundreds of them may remain.
    const startIfItBrings = (frame: Uint8Array) => {
      if (this.host.brings(frame)) this.host.route(frame, this);
    };
    if (this.isRefused || input.endsInHalf || !input.takeFrame(startIfItBrings)) {
      this.finish();
      return false;
    }
    this.slots.cancelUnread(this.host.nowMs());
    return true;
  }

  private waitForMemory(): void {
    if (this.memoryWait) return;
    this.memoryWait = true;
    this.host.budget.wait(this);
  }

  private settleReading(): void {
    if (this.state !== 'open') return;
    const isShort = this.host.budget.exhausted || this.input.mustWaitForOthers;
    if (this.input.bufferedBytes > 0 && isShort) this.waitForMemory();
    const readAhead = this.isHeldUp && !this.peerSlow && !this.full();
    const wanted = this.mayStart() || (readAhead && this.input.bufferedBytes < READ_AHEAD_BYTES);
    this.setPaused(!wanted || this.memoryWait);
  }

  private setPaused(paused: boolean): void {
    if (paused === this.paused) return;
    this.paused = paused;
    if (paused) this.stream.pause();
    else this.stream.resume();
  }

  /** Takes the oldest requests, up to the first that has no outcome yet, or that closes the connection. */
  private takeReady(): { chunks: Uint8Array[]; sizeBytes: number; close: Closing | undefined } {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for (;;) {
      const slot = this.slots.shiftReady();
      if (slot === undefined) return { chunks, sizeBytes, close: undefined };
      slot.isOver = true;
      this.held.request -= slot.requestBytes;
      this.held.decoded -= slot.decodedBytes;
      if (slot.exclusive) this.exclusiveRunning = false;
      const outcome = slot.outcome!;
      if (outcome.kind === 'close') return { chunks, sizeBytes, close: outcome };
      const answerBytes = outcome.kind === 'answer' ? outcome.sizeBytes : 0;
      this.host.metrics.answered(slot, answerBytes, this.host.nowMs());
      if (outcome.kind === 'none') continue;
      this.held.answer -= outcome.sizeBytes;
      sizeBytes += outcome.sizeBytes;
      for (const chunk of outcome.chunks) chunks.push(chunk);
    }
  }

  private send(chunks: readonly Uint8Array[], sizeBytes: number): void {
    const now = this.host.nowMs();
    this.lastActiveMs = now;
    const isFast = this.stream.send(chunks);
    if (this.stream.unsentBytes === 0) for (const chunk of chunks) this.host.spares.give(chunk);
    if (isFast) return;
    this.peerSlow = true;
    this.slowSinceMs = now;
    this.held.undrained += sizeBytes;
  }

  /** Updates the budget. This may wake other connections. */
  private account(): void {
    this.held.tell(this.host.budget, this.input.bufferedBytes);
  }

  /** Drops the input and all pending requests, and stops the work on them. */
  private abandon(): void {
    this.input.discard();
    for (const slot of this.forgetRequests()) slot.cancel?.();
  }

  private forgetRequests(): readonly Slot[] {
    this.held.forgetRequests();
    const forgotten = this.slots.drain();
    for (const slot of forgotten) slot.isOver = true;
    return forgotten;
  }

  /** Called when both sides have closed the connection. Drops what is left, and informs the host. */
  private finish(): void {
    this.state = 'closed';
    this.abandon();
    this.account();
    this.host.budget.forget(this);
    this.host.gone(this);
  }

  private failOn(error: unknown): void {
    if (!(error instanceof DecodeError)) throw error;
    this.refuse('malformed request', { detail: error.message });
  }

  private logClosed(level: 'info' | 'warn', reason: string, more: ClosingFacts = {}): void {
    const { listenerName: listener, remoteAddress } = this;
    const facts = { listener, remoteAddress, reason, ...more };
    if (level === 'info') this.host.logger.info('connection-closed', facts);
    else this.host.logger.warn('connection-closed', facts);
  }
}
