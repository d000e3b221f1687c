/**
 * Jobs over worker threads. If no worker is idle, a new job starts one, up to a limit. A worker ends after
 * some idle time, so a node without jobs has no worker. If a worker dies, its job fails, and a later job can
 * start a new worker. Must never call `done` within the call that started the job.
 */
import { Worker } from 'node:worker_threads';
import type { Job, JobKind, JobOutcome, Jobs, Logger } from '@millrace/base';
import { type JobReply, type JobRequest, transferable } from './serve-jobs.ts';

export interface NodeJobsOptions {
  readonly logger: Logger;
  /** The module that a worker runs. */
  readonly entry?: URL;
  readonly workersMax?: number;
  readonly waitingMax?: number;
  readonly waitingBytesMax?: number;
  readonly idleMs?: number;
  /**
   * Limit for the memory of JavaScript objects; the bytes of buffers do not count. A job that needs more
   * kills its worker, not the node.
   */
  readonly heapMaxMb?: number;
}

/** The module of a worker. The published package has JavaScript only. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './job-worker.ts' : './job-worker.js',
  import.meta.url,
);
/**
 * Two workers, so that a long job does not delay all short ones. More would take cores from other brokers on
 * the machine.
 */
const WORKERS_MAX = 2;
const WAITING_MAX = 10_000;
const WAITING_BYTES_MAX = 256 << 20;
const IDLE_MS = 60_000;
const HEAP_MAX_MB = 256;

interface Entry {
  readonly request: JobRequest;
  /** Number of bytes of the job. The bytes themselves can move to the worker when the job starts. */
  readonly sizeBytes: number;
  done: ((outcome: JobOutcome<never>) => void) | undefined;
}

interface Member {
  readonly worker: Worker;
  running: Entry | undefined;
  /** The timer that ends the worker after it was idle for `idleMs`. */
  idle: NodeJS.Timeout | undefined;
  failure: string | undefined;
}

export class NodeJobs implements Jobs {
  readonly #options: Required<NodeJobsOptions>;
  readonly #members = new Set<Member>();
  /** Jobs that wait for a worker, oldest first. */
  #waiting: Entry[] = [];
  #waitingBytes = 0;
  #closed = false;

  constructor(options: NodeJobsOptions) {
    this.#options = {
      entry: ENTRY,
      workersMax: WORKERS_MAX,
      waitingMax: WAITING_MAX,
      waitingBytesMax: WAITING_BYTES_MAX,
      idleMs: IDLE_MS,
      heapMaxMb: HEAP_MAX_MB,
      ...options,
    };
  }

  /** Number of worker threads now. */
  get workerCount(): number {
    return this.#members.size;
  }

  start<Parameters, Value>(
    kind: JobKind<Parameters, Value>,
    bytes: Uint8Array,
    parameters: Parameters,
    done: (outcome: JobOutcome<Value>) => void,
  ): Job | undefined {
    const { waitingMax, waitingBytesMax } = this.#options;
    const isFull = this.#waiting.length >= waitingMax || this.#waitingBytes + bytes.length > waitingBytesMax;
    if (this.#closed || (isFull && this.#waiting.length > 0)) return undefined;
    const entry: Entry = {
      request: { kind: kind.name, bytes, parameters },
      sizeBytes: bytes.length,
      done: done as Entry['done'],
    };
    this.#waiting.push(entry);
    this.#waitingBytes += entry.sizeBytes;
    this.#runWaiting();
    if (this.#members.size === 0) {
      // The system cannot start a thread, so no worker would take the job.
      this.#cancel(entry);
      return undefined;
    }
    return { cancel: () => this.#cancel(entry) };
  }

  /** Ends every worker. Does not call `done` of waiting and running jobs. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
    await Promise.all(
      [...this.#members].map((member) => {
        if (member.running !== undefined) member.running.done = undefined;
        clearTimeout(member.idle);
        return member.worker.terminate();
      }),
    );
  }

  #cancel(entry: Entry): void {
    entry.done = undefined;
    const index = this.#waiting.indexOf(entry);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#waitingBytes -= entry.sizeBytes;
  }

  #runWaiting(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const member = this.#idleMember();
      if (member === undefined) return;
      const entry = this.#waiting.shift()!;
      this.#waitingBytes -= entry.sizeBytes;
      clearTimeout(member.idle);
      member.running = entry;
      member.worker.postMessage(entry.request, transferable(entry.request.bytes));
    }
  }

  #idleMember(): Member | undefined {
    for (const member of this.#members) if (member.running === undefined) return member;
    return this.#members.size < this.#options.workersMax ? this.#newMember() : undefined;
  }

  /** Starts a worker. Undefined if the system cannot start a thread. */
  #newWorker(): Worker | undefined {
    const resourceLimits = { maxOldGenerationSizeMb: this.#options.heapMaxMb };
    try {
      return new Worker(this.#options.entry, { name: 'jobs', resourceLimits });
    } catch (error) {
      this.#options.logger.error('job-worker-not-started', { reason: String(error) });
      return undefined;
    }
  }

  #newMember(): Member | undefined {
    const worker = this.#newWorker();
    if (worker === undefined) return undefined;
    const member: Member = { worker, running: undefined, idle: undefined, failure: undefined };
    this.#members.add(member);
    // The worker does not keep the process alive.
    worker.unref();
    worker.on('message', (reply: JobReply) => this.#replied(member, reply));
    worker.on('error', (error) => {
      member.failure = error.message;
    });
    worker.on('exit', (code) => this.#exited(member, code));
    return member;
  }

  #replied(member: Member, reply: JobReply): void {
    const entry = member.running;
    member.running = undefined;
    member.idle = setTimeout(() => this.#dismiss(member), this.#options.idleMs).unref();
    this.#runWaiting();
    // The worker has the functions of this thread, so the value has the type of the requested kind.
    entry?.done?.(reply as JobOutcome<never>);
  }

  /** Ends a worker. Removes it from the members first, so that it gets no more jobs. */
  #dismiss(member: Member): void {
    this.#members.delete(member);
    void member.worker.terminate();
  }

  #exited(member: Member, code: number): void {
    this.#members.delete(member);
    clearTimeout(member.idle);
    const entry = member.running;
    if (entry !== undefined && !this.#closed) {
      const reason = `the worker died: ${member.failure ?? `exit code ${code}`}`;
      this.#options.logger.error('job-worker-died', { job: entry.request.kind, reason });
      entry.done?.({ ok: false, reason });
    }
    this.#runWaiting();
  }
}
