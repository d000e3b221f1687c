/**
 * Single calls to the active controller. The channel repeats a call on another controller, or on the same
 * one, until the active controller answers or the call's timeout is over. A controller may carry out a call
 * twice if an answer is lost, so every method must be safe to repeat.
 */
import { type Clock, type Logger, type Millis, type NodeId, RpcError, type Timer } from '@millrace/base';
import type { ControlMethod } from '@millrace/control';
import { ErrorCode } from '@millrace/protocol';
import type { ControllerLocator } from './controller-locator.ts';

const BACKOFF_MIN_MS = 10;
const BACKOFF_MAX_MS = 250;
/**
 * The channel waits this long for one controller before it asks another. The first one may be frozen, or
 * behind a link that drops everything.
 */
const ATTEMPT_MAX_MS = 5_000;

export interface ControllerChannelOptions {
  readonly locator: ControllerLocator;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ControllerChannel {
  private readonly options: ControllerChannelOptions;
  private readonly calls = new Set<OpenCall>();
  private readonly forgetLocator: () => void;
  private closed = false;

  constructor(options: ControllerChannelOptions) {
    this.options = options;
    this.forgetLocator = options.locator.onLeaderKnown((leaderId) => {
      for (const call of [...this.calls]) call.moveTo(leaderId);
    });
  }

  /** Number of calls without an answer yet. */
  get openCalls(): number {
    return this.calls.size;
  }

  /**
   * `done` gets the active controller's answer, which may be an error. It gets undefined if no answer comes
   * within `timeoutMs`, or before `close`. If a controller stays silent for `attemptMaxMs`, the channel asks
   * again. If `attemptMaxMs` equals `timeoutMs`, silence alone causes no second attempt.
   */
  request<Request, Response extends { errorCode: number }>(
    method: ControlMethod<Request, Response>,
    request: Request,
    timeoutMs: Millis,
    done: (response: Response | undefined) => void,
    attemptMaxMs: Millis = ATTEMPT_MAX_MS,
  ): void {
    const { clock } = this.options;
    if (this.closed) {
      clock.soon(() => done(undefined));
      return;
    }
    const finished = (response: Response | undefined) => {
      this.calls.delete(call);
      done(response);
    };
    const call = new ControllerCall(
      this.options,
      { method, body: method.request.encode(request), attemptMaxMs },
      Math.max(timeoutMs, 1),
      finished,
    );
    this.calls.add(call);
    call.attempt();
  }

  /** Ends every call without an answer. */
  close(): void {
    this.closed = true;
    this.forgetLocator();
    for (const call of [...this.calls]) call.endUnanswered();
  }
}

interface OpenCall {
  moveTo(leaderId: NodeId): void;
  endUnanswered(): void;
}

interface Call<Response> {
  readonly method: Pick<ControlMethod<unknown, Response>, 'name' | 'response'>;
  readonly body: Uint8Array;
  readonly attemptMaxMs: Millis;
}

class ControllerCall<Response extends { errorCode: number }> implements OpenCall {
  private readonly options: ControllerChannelOptions;
  private readonly call: Call<Response>;
  private readonly deadlineMs: Millis;
  private readonly done: (response: Response | undefined) => void;
  private backoffMs = BACKOFF_MIN_MS;
  /** Number of the current attempt: the call ignores answers to earlier attempts. */
  private current = 0;
  private askedId: NodeId | undefined;
  private pause: Timer | undefined;
  private finished = false;

  constructor(
    options: ControllerChannelOptions,
    call: Call<Response>,
    timeoutMs: Millis,
    done: (response: Response | undefined) => void,
  ) {
    this.options = options;
    this.call = call;
    this.deadlineMs = options.clock.monotonicMs() + timeoutMs;
    this.done = done;
  }

  attempt(): void {
    const { locator, clock } = this.options;
    const leftMs = this.deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) {
      this.endUnanswered();
      return;
    }
    const id = locator.current();
    const attempt = ++this.current;
    this.pause = undefined;
    this.askedId = id;
    const { method, body, attemptMaxMs } = this.call;
    locator.channel(id).call(method.name, body, Math.min(leftMs, attemptMaxMs), (answer) => {
      if (!this.finished && attempt === this.current) this.answered(id, answer);
    });
  }

  /** Called when controller `leaderId` became active. Asks it, and abandons an attempt at another one. */
  moveTo(leaderId: NodeId): void {
    if (this.finished || this.askedId === leaderId) return;
    this.pause?.cancel();
    this.attempt();
  }

  endUnanswered(): void {
    if (this.finished) return;
    this.finish(undefined);
  }

  private answered(id: NodeId, answer: Uint8Array | RpcError): void {
    const { locator, logger } = this.options;
    this.askedId = undefined;
    if (answer instanceof RpcError) {
      const method = this.call.method.name;
      logger.debug('controller-call-failed', { method, controllerId: id, error: answer.message });
      locator.failed(id);
      this.retryLater();
      return;
    }
    const response = this.decode(answer);
    if (response === undefined || response.errorCode === ErrorCode.NOT_CONTROLLER) {
      locator.notController(id, -1);
      this.retryLater();
      return;
    }
    locator.answered(id);
    this.finish(response);
  }

  private finish(response: Response | undefined): void {
    this.finished = true;
    this.pause?.cancel();
    this.done(response);
  }

  private decode(answer: Uint8Array): Response | undefined {
    const { method } = this.call;
    try {
      return method.response.decode(answer);
    } catch (error) {
      this.options.logger.error('controller-answer-unreadable', {
        method: method.name,
        error: String(error),
      });
      return undefined;
    }
  }

  private retryLater(): void {
    const { clock } = this.options;
    const leftMs = this.deadlineMs - clock.monotonicMs();
    const delayMs = Math.max(0, Math.min(this.backoffMs, leftMs));
    this.backoffMs = Math.min(this.backoffMs * 2, BACKOFF_MAX_MS);
    this.pause = clock.setTimer(delayMs, () => this.attempt());
  }
}
