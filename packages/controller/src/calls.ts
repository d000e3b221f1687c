/** Requests that wait for their answers, on the active controller. */
import type { Deadline, Millis } from '@millrace/base';
import type { ApiError } from './assignments.ts';

export interface Parked {
  deadline: Deadline<Parked> | undefined;
  committed(): void;
  failed(failure: ApiError): void;
}

/** A request that waits for its answer, with the way to answer it. */
export interface Call<R> {
  readonly reply: (response: R) => void;
  readonly fail: (failure: ApiError) => R;
  /** The time at which the client stops waiting. */
  readonly deadline?: Millis;
  /** Limit for the bytes of all records that one request of a client writes. */
  readonly bytesMax?: number;
}
