/** What every client of a run shares: where the cluster is, what time it is, and where facts go. */
import type { Micros } from '@millrace/checkers';
import { KafkaCluster } from '@millrace/client/io';
import type { HistoryLine } from '../types.ts';

export interface WorkloadContext {
  readonly bootstrapServers: string;
  /** The time since the run began. All clients of a run use the same monotonic clock. */
  readonly nowUs: () => Micros;
  readonly sink: (line: HistoryLine) => void;
  /** True: the history file lags. Writers then create no records. Default: never. */
  readonly isFull?: () => boolean;
}

/** A client that runs until `stop`. Errors of the cluster never end it. */
export interface WorkloadClient {
  readonly name: string;
  /** Ends the client at the latest after this time. Outcomes that are unknown then are `info`. */
  stop(withinMs: number): Promise<void>;
}

/** A monotonic clock that begins at 0 now. */
export function runClock(): () => Micros {
  const beganNs = process.hrtime.bigint();
  return () => Number((process.hrtime.bigint() - beganNs) / 1000n);
}

/** Each client has connections of its own, as clients in separate processes have. */
export function connect(
  { bootstrapServers }: WorkloadContext,
  clientId: string,
  requestTimeoutMs: number,
): Promise<KafkaCluster> {
  return KafkaCluster.connect(bootstrapServers, { clientId, requestTimeoutMs });
}

/** Resolves with true when `isDone` holds, or with false after the time. */
export async function until(isDone: () => boolean, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs;
  while (!isDone()) {
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return false;
    await new Promise<void>((done) => setTimeout(done, Math.min(10, leftMs)));
  }
  return true;
}
