/**
 * A fake shard in memory, for tests of machines. The test moves the time forward, and commits the decisions.
 * Like a real shard, the port replays records within `write`. Then it overwrites the bytes that the machine
 * got, so that a test finds a machine that keeps them.
 */
import { assert, type Millis, Timers, type WallMillis } from '@millrace/base';
import { ManualClock } from '@millrace/base/testing';
import { MetadataImage } from '@millrace/metadata';
import { ErrorCode } from '@millrace/protocol';
import type { CoordinatorRecord, ShardPort, WriteNumber } from '../runtime/machine.ts';

/** The part of a machine that the port needs. A test of one group need not pass a whole machine. */
export interface Replaying {
  replay(record: CoordinatorRecord): void;
}

export interface FakeShardOptions {
  /** Writes a record as text for the transcript; default: key and value in hexadecimal. */
  readonly show?: (record: CoordinatorRecord) => string;
  /** Commits each decision within `write`. */
  readonly commitsAtOnce?: boolean;
}

interface Waiting {
  readonly write: WriteNumber;
  readonly done: (errorCode: ErrorCode) => void;
}

export class FakeShardPort implements ShardPort {
  readonly clock = new ManualClock();
  /** The metadata that the machine may see. A test sets it, and then passes the delta to the machine. */
  metadata: MetadataImage = MetadataImage.EMPTY;
  /** If this is not NONE, the port refuses each write with this error. */
  refusal: ErrorCode = ErrorCode.NONE;
  /** Whether each decision is committed within `write`. A test may change it. */
  commitsAtOnce: boolean;
  lastWrite: WriteNumber = 0;
  /** The last committed decision. */
  committed: WriteNumber = 0;
  /** The records of the accepted decisions. Decision n is at index n - 1. */
  readonly decisions: CoordinatorRecord[][] = [];
  private readonly show: (record: CoordinatorRecord) => string;
  private readonly timers = new Timers(this.clock);
  private machine: Replaying | undefined;
  private waiting: Waiting[] = [];
  private lines: string[] = [];
  private ended = false;
  private isReplaying = false;

  constructor(options: FakeShardOptions = {}) {
    this.show = options.show ?? hexadecimal;
    this.commitsAtOnce = options.commitsAtOnce ?? false;
  }

  /** The port replays into this machine from now on. */
  host(machine: Replaying): void {
    this.machine = machine;
  }

  now(): Millis {
    return this.clock.monotonicMs();
  }

  wallMs(): WallMillis {
    return this.clock.wallMs();
  }

  image(): MetadataImage {
    return this.metadata;
  }

  write(records: readonly CoordinatorRecord[]): ErrorCode {
    assert(!this.isReplaying, 'a machine decides nothing within replay');
    if (this.ended) return ErrorCode.NOT_COORDINATOR;
    if (records.length === 0) return ErrorCode.NONE;
    if (this.refusal !== ErrorCode.NONE) {
      this.lines.push(`refused ${records.map(this.show).join(', ')}`);
      return this.refusal;
    }
    this.decisions.push(records.map(copyOf));
    this.lastWrite = this.decisions.length;
    this.lines.push(`write #${this.lastWrite} ${records.map(this.show).join(', ')}`);
    this.isReplaying = true;
    for (const record of records) this.replayInto(record);
    this.isReplaying = false;
    if (this.commitsAtOnce) this.commit();
    return ErrorCode.NONE;
  }

  whenCommitted(write: WriteNumber, done: (errorCode: ErrorCode) => void): void {
    assert(write <= this.lastWrite, 'a machine waits only for its own decisions');
    if (this.ended) done(ErrorCode.NOT_COORDINATOR);
    else if (write <= this.committed) done(ErrorCode.NONE);
    else this.waiting.push({ write, done });
  }

  after(delayMs: Millis, callback: () => void): () => void {
    const deadline = this.timers.after(delayMs, callback);
    return () => this.timers.cancel(deadline);
  }

  inOwnTurn(delayMs: Millis, slice: () => void): () => void {
    if (delayMs > 0) return this.after(delayMs, slice);
    slice();
    return () => {};
  }

  // The rest is for tests.

  /** Commits the decisions up to `write`, and calls the callbacks that wait for them. */
  commit(write: WriteNumber = this.lastWrite): void {
    assert(write <= this.lastWrite, 'only what was written can be committed');
    this.committed = Math.max(this.committed, write);
    const due = this.waiting.filter((waiting) => waiting.write <= this.committed);
    this.waiting = this.waiting.filter((waiting) => waiting.write > this.committed);
    for (const { done } of due) done(ErrorCode.NONE);
  }

  /**
   * Calls all waiting callbacks with COORDINATOR_NOT_AVAILABLE, as if `offsets.commit.timeout.ms` had passed.
   * The test can still commit the decisions later.
   */
  timeOutCommits(): void {
    this.release(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  }

  /** Moves the time forward. Each timer that becomes due meanwhile runs at its own time. */
  advance(ms: Millis): void {
    this.clock.advance(ms);
  }

  /**
   * Ends the leadership: no timer fires after this call, and all waiting callbacks get NOT_COORDINATOR. The
   * test must then call `ended` of the machine.
   */
  end(): void {
    this.ended = true;
    this.timers.stop();
    this.release(ErrorCode.NOT_COORDINATOR);
  }

  /** Replays the accepted records, as a new shard does when it loads the partition. */
  loadInto(machine: Replaying, upTo: WriteNumber = this.lastWrite): void {
    for (const record of this.decisions.slice(0, upTo).flat()) replayCopy(machine, record);
  }

  /** Number of calls that wait for a commit. */
  get waitingCount(): number {
    return this.waiting.length;
  }

  /** Number of timers that are set. */
  get timerCount(): number {
    return this.timers.size;
  }

  /** Adds a line to the transcript, for example an answer. */
  note(line: string): void {
    this.lines.push(line);
  }

  /** The lines since the last call: accepted writes, refused writes, and lines from `note`. */
  transcript(): string[] {
    const { lines } = this;
    this.lines = [];
    return lines;
  }

  private replayInto(record: CoordinatorRecord): void {
    if (this.machine !== undefined) replayCopy(this.machine, record);
  }

  private release(errorCode: ErrorCode): void {
    const { waiting } = this;
    this.waiting = [];
    for (const { done } of waiting) done(errorCode);
  }
}

function copyOf({ key, value }: CoordinatorRecord): CoordinatorRecord {
  // Makes new arrays, because a slice of a Buffer would share its memory.
  return { key: new Uint8Array(key), value: value === null ? null : new Uint8Array(value) };
}

/** Replays a copy, and overwrites it: a machine must not keep the bytes. */
function replayCopy(machine: Replaying, record: CoordinatorRecord): void {
  const copy = copyOf(record);
  machine.replay(copy);
  copy.key.fill(0xee);
  copy.value?.fill(0xee);
}

function hexadecimal({ key, value }: CoordinatorRecord): string {
  const text = (bytes: Uint8Array) =>
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${text(key)}=${value === null ? 'null' : text(value)}`;
}
