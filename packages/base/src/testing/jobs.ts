/** Jobs for tests: a job runs only when the test calls `finishOne` or `finishAll`. */
import { assert } from '../assert.ts';
import type { Job, JobKind, JobOutcome, Jobs } from '../seams.ts';

interface Waiting {
  readonly name: string;
  run(): void;
  fail(reason: string): void;
}

export class ManualJobs implements Jobs {
  /** The jobs that started and have not finished, oldest first. */
  readonly waiting: Waiting[] = [];
  /** True: refuses new jobs. */
  isFull = false;

  start<Parameters, Value>(
    kind: JobKind<Parameters, Value>,
    bytes: Uint8Array,
    parameters: Parameters,
    done: (outcome: JobOutcome<Value>) => void,
  ): Job | undefined {
    if (this.isFull) return undefined;
    const job: Waiting = {
      name: kind.name,
      run: () => done({ ok: true, ...kind.run(bytes, parameters) }),
      fail: (reason) => done({ ok: false, reason }),
    };
    this.waiting.push(job);
    return {
      cancel: () => {
        const index = this.waiting.indexOf(job);
        if (index >= 0) this.waiting.splice(index, 1);
      },
    };
  }

  /** Runs the oldest job and calls its `done`. */
  finishOne(): void {
    const job = this.waiting.shift();
    assert(job !== undefined, 'a job waits');
    job.run();
  }

  /** Fails the oldest job, as if its worker had died. */
  failOne(reason: string): void {
    const job = this.waiting.shift();
    assert(job !== undefined, 'a job waits');
    job.fail(reason);
  }

  /** Runs all jobs, including those that start during this call. */
  finishAll(): void {
    while (this.waiting.length > 0) this.finishOne();
  }
}
