/**
 * Worker processes that run seeds. The outcome of a seed depends on the seed alone: workers share nothing. A
 * worker gets its next seed when it has sent the outcome of the seed before. When a worker ends early or
 * stops answering, the pool reports the worker's seed as crashed. Then the pool starts another worker, unless
 * too many workers have died in a row.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { SIMULATOR_FLAGS } from '@millrace/sim/io';
import type { Outcome } from './outcome.ts';
import type { WorkerTask } from './worker.ts';

export interface PoolOptions {
  /** The script that implements `sim-worker`. */
  readonly entry: string;
  readonly jobs: number;
  readonly seeds: Iterator<number, void>;
  /** Whether the pool may start another seed. */
  goesOn(): boolean;
  done(outcome: Outcome): void;
  /** The pool kills a worker whose run takes longer than this. */
  readonly silenceMsMax?: number;
}

const SILENCE_MS_MAX = 300_000;
const LAST_WORDS_MAX = 4_000;
/** When this many workers in a row have died without an answer, the pool starts no more workers. */
const DEATHS_IN_A_ROW_MAX = 10;

/**
 * Its method `run` runs seeds until one of these events: all seeds are used up, `goesOn` returns false, too
 * many workers have died in a row, or `stop` is called. The promise of `run` resolves when every worker has
 * ended.
 */
export class Pool {
  private readonly options: PoolOptions;
  private readonly workers = new Set<ChildProcess>();
  private isStopped = false;
  private deathsInARow = 0;

  constructor(options: PoolOptions) {
    this.options = options;
  }

  async run(): Promise<void> {
    const lanes = Array.from({ length: this.options.jobs }, () => this.lane());
    await Promise.all(lanes);
  }

  /** Kills every worker now; the seeds that they run have no outcome. */
  stop(): void {
    this.isStopped = true;
    for (const worker of this.workers) worker.kill('SIGKILL');
  }

  /** Runs one worker after another, as long as there are seeds. */
  private async lane(): Promise<void> {
    while (this.deathsInARow < DEATHS_IN_A_ROW_MAX && (await this.worker())) {}
  }

  /**
   * Starts one worker, and runs seeds on it until the worker ends. Resolves with false if there are no more
   * seeds, and with true if the worker died before.
   */
  private worker(): Promise<boolean> {
    const { options } = this;
    let seed = this.nextSeed();
    if (seed === undefined) return Promise.resolve(false);
    const child = fork(options.entry, ['sim-worker'], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [...process.execArgv, ...SIMULATOR_FLAGS],
    });
    this.workers.add(child);
    let lastWords = '';
    child.stderr?.on('data', (chunk) => {
      lastWords = (lastWords + String(chunk)).slice(-LAST_WORDS_MAX);
    });
    let isSilent = false;
    const silence = () =>
      setTimeout(() => {
        isSilent = true;
        child.kill('SIGKILL');
      }, options.silenceMsMax ?? SILENCE_MS_MAX);
    let watchdog = silence();
    const ask = () => {
      const task: WorkerTask = { seed: seed! };
      // An error here means that the worker has ended; the `exit` event reports that.
      child.send(task, () => {});
    };
    child.on('message', (outcome: Outcome) => {
      clearTimeout(watchdog);
      this.deathsInARow = 0;
      options.done(outcome);
      seed = this.nextSeed();
      if (seed === undefined) {
        child.disconnect();
        return;
      }
      watchdog = silence();
      ask();
    });
    ask();
    return new Promise((resolve) => {
      child.once('error', () => child.kill('SIGKILL'));
      const ended = (code: number | null, signal: string | null) => {
        clearTimeout(watchdog);
        this.workers.delete(child);
        if (seed !== undefined && !this.isStopped) {
          this.deathsInARow++;
          const how = isSilent
            ? 'did not answer in time, so the pool killed it'
            : `ended with ${signal ?? code}`;
          options.done({ seed, crash: `its process ${how}\n${lastWords}`.trim() });
        }
        resolve(seed !== undefined);
      };
      // Listen for `exit`, not `close`: Node never emits `close` for a child from which this process has
      // disconnected.
      child.once('exit', (code, signal) => {
        if (child.stderr === null || child.stderr.closed) ended(code, signal);
        else child.stderr.once('close', () => ended(code, signal));
      });
    });
  }

  private nextSeed(): number | undefined {
    if (this.isStopped || !this.options.goesOn()) return undefined;
    const next = this.options.seeds.next();
    return next.done ? undefined : next.value;
  }
}
