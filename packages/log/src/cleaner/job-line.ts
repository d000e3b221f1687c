/**
 * Runs one job for each chunk of a log, one after the other, and handles the answers in the order of the log.
 * Reads the next chunk while a job runs, so that the worker need not wait for the event loop between two
 * jobs. Runs only one job at a time: then a second worker stays free for the jobs of clients.
 *
 * Bounds: one turn of the event loop reads one chunk, or handles one answer. The line holds at most one chunk
 * that waits for its job, and one answer that waits to be handled.
 */
import type { Job, JobKind, Jobs } from '@millrace/base';

/** Calls `next` once, in this turn or in a later one. */
type Handler<Chunk, Value> = (chunk: Chunk, value: Value, bytes: Uint8Array, next: () => void) => void;

export interface LineOptions<Chunk, Parameters, Value> {
  readonly kind: JobKind<Parameters, Value>;
  /** Reads the next chunk. Undefined: there is none. */
  read(): Chunk | undefined;
  parameters(chunk: Chunk): Parameters;
  readonly handle: Handler<Chunk, Value>;
  /** Called when every chunk is handled. */
  ended(): void;
}

export interface LinePorts {
  readonly jobs: Jobs;
  /** Calls `next` in a later turn, when the throttle allows more reads. */
  pause(next: () => void): void;
  /** Called when no job can start now. Calls `next` after a while. */
  wait(next: () => void): void;
  /** Runs a step that an answer starts. */
  guarded(step: () => void): void;
  failed(reason: string): void;
}

interface Answer<Chunk, Value> {
  readonly chunk: Chunk;
  readonly value: Value;
  readonly bytes: Uint8Array;
}

export class JobLine<Chunk extends { readonly bytes: Uint8Array }, Parameters, Value> {
  private readonly o: LineOptions<Chunk, Parameters, Value>;
  private readonly ports: LinePorts;
  private isOver = false;
  /** The chunk that waits for its job. */
  private ahead: Chunk | undefined;
  private job: Job | undefined;
  /** True while a job runs, and while a refused job waits for its next attempt. */
  private isBusy = false;
  private isHandling = false;
  /** The answer that arrived while the line handled the one before. */
  private answer: Answer<Chunk, Value> | undefined;
  private isAllRead = false;

  constructor(o: LineOptions<Chunk, Parameters, Value>, ports: LinePorts) {
    this.o = o;
    this.ports = ports;
  }

  /** Reads the next chunk, in this turn. Call it once, to begin. May throw what `read` throws. */
  read(): void {
    if (this.isOver) return;
    const chunk = this.o.read();
    if (chunk === undefined) {
      this.isAllRead = true;
      this.endIfDone();
      return;
    }
    this.ahead = chunk;
    this.startNext();
  }

  /** Ends the line. It calls nothing after this. */
  stop(): void {
    this.isOver = true;
    this.job?.cancel();
    this.ahead = this.answer = undefined;
  }

  private startNext(): void {
    const { ahead: chunk } = this;
    // The answer that waits would otherwise be joined by a second one.
    if (chunk === undefined || this.isBusy || this.answer !== undefined || this.isOver) return;
    this.ahead = undefined;
    this.isBusy = true;
    this.startJob(chunk, this.o.parameters(chunk));
    this.ports.pause(() => this.read());
  }

  private startJob(chunk: Chunk, parameters: Parameters): void {
    if (this.isOver) return;
    const { kind } = this.o;
    this.job = this.ports.jobs.start(kind, chunk.bytes, parameters, (outcome) => {
      this.job = undefined;
      this.isBusy = false;
      if (!outcome.ok) this.ports.failed(outcome.reason);
      else this.ports.guarded(() => this.answered({ chunk, value: outcome.value, bytes: outcome.bytes }));
    });
    if (this.job === undefined) this.ports.wait(() => this.startJob(chunk, parameters));
  }

  private answered(answer: Answer<Chunk, Value>): void {
    if (this.isOver) return;
    if (this.isHandling) {
      this.answer = answer;
      return;
    }
    this.handle(answer);
  }

  private handle({ chunk, value, bytes }: Answer<Chunk, Value>): void {
    this.isHandling = true;
    // The next job starts first, so that the worker runs it while this turn handles the answer.
    this.startNext();
    // The pause of `startNext` may stop the line, for example because the disk is full.
    if (this.isOver) return;
    this.o.handle(chunk, value, bytes, () => this.handled());
  }

  private handled(): void {
    if (this.isOver) return;
    this.isHandling = false;
    const { answer } = this;
    if (answer === undefined) {
      this.endIfDone();
      return;
    }
    this.answer = undefined;
    this.handle(answer);
  }

  private endIfDone(): void {
    const isWaiting = this.isBusy || this.isHandling || this.ahead !== undefined || this.answer !== undefined;
    if (!this.isAllRead || isWaiting) return;
    this.isOver = true;
    this.o.ended();
  }
}
