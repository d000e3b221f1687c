/**
 * The jobs of one process, on virtual time. Two jobs run at once. A job takes several slices of time, and
 * each slice ends with an event of the process. So a pause of the process delays its jobs, and its death
 * loses them. The function of a job runs only after the last slice. Other code cannot notice this, because
 * the function has no side effects.
 */
import type { Job, JobKind, JobOutcome, Jobs, Random } from '@millrace/base';
import type { Life } from './life.ts';
import { MILLISECOND, type Micros } from './world.ts';

const WORKERS = 2;
const SLICES = 5;
const WAITING_MAX = 1_000;
/**
 * Each job draws one of these limits for the length of its slices. Most jobs are short. Some take seconds, so
 * that a request times out meanwhile, or the broker loses its leadership. In peace all jobs are short.
 * Otherwise a leader could get more batches than it can check, and the clients would wait for ever.
 */
const SLICE_MAX_US: readonly Micros[] = [1, 1, 1, 10, 100, 800].map((ms) => ms * MILLISECOND);

interface Entry {
  readonly name: string;
  readonly sliceUs: Micros;
  slices: number;
  /** Undefined once the job is cancelled or finished. */
  finish: (() => void) | undefined;
}

export class SimJobs implements Jobs {
  private readonly life: Life;
  private readonly random: Random;
  private readonly waiting: Entry[] = [];
  private readonly running = new Set<Entry>();

  constructor(life: Life) {
    this.life = life;
    this.random = life.random.fork('jobs');
    life.onDeath((death) => {
      if (this.running.size > 0) this.note(`died: ${death}`);
    });
  }

  start<Parameters, Value>(
    kind: JobKind<Parameters, Value>,
    bytes: Uint8Array,
    parameters: Parameters,
    done: (outcome: JobOutcome<Value>) => void,
  ): Job | undefined {
    if (this.waiting.length >= WAITING_MAX) return undefined;
    const { random } = this;
    const drawnUs = random.below(SLICE_MAX_US[random.below(SLICE_MAX_US.length)]!);
    const sliceUs = this.life.host.hasSlowJobs ? drawnUs : Math.min(drawnUs, SLICE_MAX_US[0]!);
    const finish = () => done({ ok: true, ...kind.run(bytes, parameters) });
    const entry: Entry = { name: kind.name, sliceUs, slices: SLICES, finish };
    this.note('started');
    this.note(`of kind ${kind.name}`);
    this.waiting.push(entry);
    this.runWaiting();
    return { cancel: () => this.cancel(entry) };
  }

  private cancel(entry: Entry): void {
    if (entry.finish === undefined) return;
    this.note(this.running.has(entry) ? 'cancelled while it ran' : 'cancelled before it ran');
    entry.finish = undefined;
    const index = this.waiting.indexOf(entry);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  private runWaiting(): void {
    while (this.running.size < WORKERS && this.waiting.length > 0) {
      const entry = this.waiting.shift()!;
      this.running.add(entry);
      this.slice(entry);
    }
  }

  private slice(entry: Entry): void {
    this.life.arrives(entry.sliceUs, () => {
      if (--entry.slices > 0) {
        this.slice(entry);
        return;
      }
      this.running.delete(entry);
      this.runWaiting();
      const { finish } = entry;
      entry.finish = undefined;
      if (finish === undefined) return;
      this.note('finished');
      finish();
    });
  }

  private note(what: string): void {
    this.life.world.count(`job ${what}`);
  }
}
