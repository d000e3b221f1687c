/** The produce requests and the lookups that wait for a job or for a later turn. */
import type { Millis } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { Cancel, ListOffsetsQuery, ListOffsetsResult, ProduceRequest, ProduceResult } from '../types.ts';
import { ListOffsetsRun, type LookupPorts } from './list-offsets-run.ts';
import { type ProducePorts, ProduceRun } from './produce-run.ts';

export class WaitingRuns {
  private readonly ports: ProducePorts & LookupPorts;
  private readonly runs = new Set<ProduceRun | ListOffsetsRun>();

  constructor(ports: ProducePorts & LookupPorts) {
    this.ports = ports;
  }

  get size(): number {
    return this.runs.size;
  }

  /** See `ReplicaManager.produce`. */
  produce(
    request: ProduceRequest,
    done: (results: ProduceResult[]) => void,
    appended: () => void,
  ): Cancel | undefined {
    const run = new ProduceRun(this.ports, request, done);
    const waits = run.start(() => {
      this.runs.delete(run);
      appended();
    });
    if (!waits) return undefined;
    this.runs.add(run);
    return () => run.cancel();
  }

  /** See `ReplicaManager.listOffsets`. */
  listOffsets(query: ListOffsetsQuery, done: (results: ListOffsetsResult[]) => void): Cancel | undefined {
    const { timeoutMs } = query;
    let stopWaiting: Cancel | undefined;
    const run = new ListOffsetsRun(this.ports, query, (results) => {
      stopWaiting?.();
      this.runs.delete(run);
      done(results);
    });
    if (!run.start()) return undefined;
    this.runs.add(run);
    if (timeoutMs !== undefined) stopWaiting = this.expire(run, timeoutMs);
    return () => {
      stopWaiting?.();
      this.runs.delete(run);
      run.cancel();
    };
  }

  private expire(run: ListOffsetsRun, timeoutMs: Millis): Cancel {
    return this.ports.after(timeoutMs, () => run.fail(ErrorCode.REQUEST_TIMED_OUT));
  }

  /** Fails all requests, because the broker stops. */
  failAll(errorCode: ErrorCode): void {
    for (const run of [...this.runs]) run.fail(errorCode);
  }
}
