/**
 * Opens a log over several turns of the event loop. All openings of a node share one budget of work for each
 * turn. If a step needs the checksums of more bytes than the budget has left, a job checks them. The job gets
 * a copy of the bytes. So if its worker dies, or if no job can start, the event loop checks the same bytes,
 * and the opening continues in a later turn.
 */
import { DiskError, type Job, type Jobs } from '@millrace/base';
import { recoveryJobs } from './jobs.ts';
import { LogOpenError } from './open-log.ts';
import { firstWrongChecksum, type Step, type Steps } from './steps.ts';

export interface OpeningPorts {
  readonly jobs: Jobs;
  /** The bytes that the present turn may still read and check. May fall below 0. */
  readonly budget: { work: number };
  /** Calls back in a later turn. */
  later(callback: () => void): void;
}

export type Opened<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: DiskError | LogOpenError };

export class Opening<T> {
  private readonly steps: Steps<T>;
  private readonly ports: OpeningPorts;
  /** Undefined when the opening has ended. */
  private done: ((opened: Opened<T>) => void) | undefined;
  private job: Job | undefined;

  constructor(steps: Steps<T>, ports: OpeningPorts, done: (opened: Opened<T>) => void) {
    this.steps = steps;
    this.ports = ports;
    this.done = done;
  }

  /** Runs as many steps as the turn may run. May call `done` within this call. */
  start(): void {
    this.run(undefined);
  }

  /** Ends the opening. `done` is not called. The log closes its files. */
  cancel(): void {
    if (this.done === undefined) return;
    this.done = undefined;
    this.job?.cancel();
    this.steps.return(undefined as never);
  }

  private run(answer: number | undefined): void {
    let next = answer;
    while (this.done !== undefined) {
      const step = this.step(next);
      if (step === undefined || !this.mayGoOn(step)) return;
      next = step.batches === undefined ? undefined : firstWrongChecksum(step.batches);
    }
  }

  /** Runs one step. Undefined: it was the last one. */
  private step(answer: number | undefined): Step | undefined {
    try {
      const next = this.steps.next(answer);
      if (next.done !== true) return next.value;
      this.end({ ok: true, value: next.value });
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof LogOpenError)) throw error;
      this.end({ ok: false, error });
    }
    return undefined;
  }

  private end(opened: Opened<T>): void {
    const { done } = this;
    this.done = undefined;
    done?.(opened);
  }

  /** False: the opening continues in a later turn. */
  private mayGoOn({ workBytes, batches }: Step): boolean {
    const { budget } = this.ports;
    if (budget.work >= workBytes) {
      budget.work -= workBytes;
      return true;
    }
    if (batches === undefined) this.later(() => this.run(undefined));
    else this.checkInJob(batches);
    return false;
  }

  private checkInJob(batches: Uint8Array): void {
    const { jobs } = this.ports;
    this.job = jobs.start(recoveryJobs.checkBatches, batches.slice(), undefined, (outcome) => {
      this.job = undefined;
      this.run(outcome.ok ? outcome.value : firstWrongChecksum(batches));
    });
    if (this.job === undefined) this.later(() => this.run(firstWrongChecksum(batches)));
  }

  private later(goOn: () => void): void {
    this.ports.later(() => {
      if (this.done !== undefined) goOn();
    });
  }
}
