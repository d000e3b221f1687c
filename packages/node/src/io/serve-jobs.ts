/**
 * The worker's side of NodeJobs: runs the function of a job, and sends the answer and the bytes back.
 * NodeJobs sends the next job after the answer.
 */
import { parentPort } from 'node:worker_threads';
import type { JobAnswer, JobKind } from '@millrace/base';

/** The message from the owner. */
export interface JobRequest {
  readonly kind: string;
  readonly bytes: Uint8Array;
  readonly parameters: unknown;
}

/** The message from the worker. */
export type JobReply =
  | { readonly ok: true; readonly value: unknown; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: string };

/**
 * A kind of job whose function may be asynchronous. A worker thread may wait for it; the event loop must not.
 */
export type Served<Kind> =
  Kind extends JobKind<infer Parameters, infer Value>
    ? {
        readonly name: string;
        run(bytes: Uint8Array, parameters: Parameters): JobAnswer<Value> | Promise<JobAnswer<Value>>;
      }
    : never;

type AnyServed = Served<JobKind<never, unknown>>;

export function serveJobs(kinds: Iterable<AnyServed>): void {
  const byName = new Map([...kinds].map((kind) => [kind.name, kind]));
  parentPort!.on('message', (request: JobRequest) => {
    void run(byName.get(request.kind), request).then((reply) =>
      parentPort!.postMessage(reply, reply.ok ? transferable(reply.bytes) : []),
    );
  });
}

async function run(kind: AnyServed | undefined, { bytes, parameters }: JobRequest): Promise<JobReply> {
  if (kind === undefined) return { ok: false, reason: 'no such job' };
  try {
    // The owner sends a kind only with its own parameters.
    return { ok: true, ...(await kind.run(bytes, parameters as never)) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** The buffer of the bytes, if it contains nothing else. A message moves such a buffer without a copy. */
export function transferable({ buffer, length }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === length && length > 0 ? [buffer] : [];
}
