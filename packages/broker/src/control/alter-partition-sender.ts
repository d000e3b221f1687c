/**
 * Sends the ISR changes of this broker's partitions to the active controller, one request at a time. Changes
 * that come meanwhile share the next request, because a broker that lost a follower changes hundreds of ISRs
 * at once.
 */
import type { Clock, Millis } from '@millrace/base';
import { type AlterPartitionRequest, type AlterPartitionResponse, controlCalls } from '@millrace/control';
import { ErrorCode } from '@millrace/protocol';
import type { ControllerChannel } from './controller-channel.ts';

const TIMEOUT_MS: Millis = 5_000;

interface Waiting {
  readonly request: AlterPartitionRequest;
  readonly done: (response: AlterPartitionResponse | undefined) => void;
}

export class AlterPartitionSender {
  private readonly channel: Pick<ControllerChannel, 'request'>;
  private readonly clock: Clock;
  private waiting: Waiting[] = [];
  private busy = false;

  constructor(channel: Pick<ControllerChannel, 'request'>, clock: Clock) {
    this.channel = channel;
    this.clock = clock;
  }

  /** Calls `done` with the answer for these partitions. If `done` gets undefined, the caller must retry. */
  send(request: AlterPartitionRequest, done: Waiting['done']): void {
    this.waiting.push({ request, done });
    if (this.waiting.length === 1 && !this.busy) this.clock.soon(() => this.sendNext());
  }

  private sendNext(): void {
    const first = this.waiting[0];
    if (this.busy || first === undefined) return;
    this.busy = true;
    // Send changes of different broker epochs in separate requests, because the controller refuses a whole
    // request if its broker epoch is old.
    const { brokerId, brokerEpoch } = first.request;
    const batch = this.waiting.filter(({ request }) => request.brokerEpoch === brokerEpoch);
    this.waiting = this.waiting.filter(({ request }) => request.brokerEpoch !== brokerEpoch);
    const partitions = batch.flatMap(({ request }) => request.partitions);
    this.channel.request(
      controlCalls.alterPartition,
      { brokerId, brokerEpoch, partitions },
      TIMEOUT_MS,
      (response) => {
        this.busy = false;
        deliver(batch, response);
        if (this.waiting.length > 0) this.sendNext();
      },
    );
  }
}

/** Gives each caller its part of the answer, which lists the partitions in the order of the request. */
function deliver(batch: readonly Waiting[], response: AlterPartitionResponse | undefined): void {
  let next = 0;
  for (const { request, done } of batch) {
    const end = next + request.partitions.length;
    if (response === undefined) done(undefined);
    else if (response.errorCode !== ErrorCode.NONE) done({ errorCode: response.errorCode, partitions: [] });
    else done({ errorCode: response.errorCode, partitions: response.partitions.slice(next, end) });
    next = end;
  }
}
