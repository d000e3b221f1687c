/**
 * Makes one call to a group's coordinator. Sends the request again until an answer is final, or the time is
 * over. An answer is not final if it says that the coordinator cannot answer now.
 */
import type { Clock, Millis, Timer } from '@millrace/base';
import { ErrorCode, errorName } from '@millrace/protocol';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import type { GroupCoordinator } from './group-coordinator.ts';
import { groupOutcome } from './group-errors.ts';

export interface CoordinatorCall {
  readonly clock: Clock;
  readonly coordinator: Pick<
    GroupCoordinator,
    'connection' | 'whenChanged' | 'moved' | 'failure' | 'backoffMs'
  >;
  /** The call ends with an error after this time. */
  readonly timeoutMs: Millis;
  /**
   * Sends one attempt. Passes to `answered` the error code that decides about a retry; undefined: no answer
   * came. Returns true if it has sent the request. Returns false if the broker has no version of the request.
   * Returns a text if this call must not send the request: the reason.
   */
  send(connection: BrokerConnection, answered: (code: number | undefined) => void): boolean | string;
  /** More codes after which the call tries again. */
  readonly alsoWait?: (code: number) => boolean;
  /**
   * `error` undefined: the coordinator has answered without an error. Otherwise Kafka's name of the error, a
   * text with the last error when the time is over, or the reason that `send` gave.
   */
  done(error: string | undefined): void;
}

/** Starts the call. Returns a function that ends it without calling `done`. */
export function callCoordinator(call: CoordinatorCall): () => void {
  const { clock, coordinator, timeoutMs, send, alsoWait, done } = call;
  let isOver = false;
  let lastError = 'no coordinator';
  let pause: Timer | undefined;
  const stop = () => {
    isOver = true;
    deadline.cancel();
    pause?.cancel();
  };
  const end = (error: string | undefined) => {
    stop();
    done(error);
  };
  const judge = (code: number | undefined) => {
    if (isOver) return;
    const outcome = code === undefined ? 'wait' : groupOutcome(code);
    if (code !== undefined && outcome !== 'moved' && outcome !== 'wait' && alsoWait?.(code) !== true) {
      end(code === ErrorCode.NONE ? undefined : errorName(code));
      return;
    }
    lastError = code === undefined ? 'no answer' : errorName(code);
    if (outcome === 'moved') coordinator.moved();
    pause = clock.setTimer(coordinator.backoffMs, attempt);
  };
  const attempt = () => {
    if (isOver) return;
    const connection = coordinator.connection();
    if (connection !== undefined) {
      const sent = send(connection, judge);
      if (typeof sent === 'string') end(sent);
      else if (!sent) end(errorName(ErrorCode.UNSUPPORTED_VERSION));
    } else if (coordinator.failure !== undefined) end(coordinator.failure);
    else coordinator.whenChanged(attempt);
  };
  const deadline = clock.setTimer(timeoutMs, () => end(`${lastError} within ${timeoutMs} ms`));
  attempt();
  return stop;
}
