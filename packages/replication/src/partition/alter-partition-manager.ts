/**
 * Sends ISR changes to the controller, like Kafka's AlterPartitionManager. The changes of one turn share one
 * AlterPartition request, and one request is in flight at a time. Repeats each change until the partition
 * says that the change is settled, or that it no longer waits for the change. Decides nothing about an ISR.
 */
import type { BrokerEpoch, Clock, Millis, NodeId, Timers } from '@millrace/base';
import type { AlterPartitionRequest, AlterPartitionResponse } from '@millrace/control';
import { ErrorCode } from '@millrace/protocol';
import type { IsrProposal } from './ports.ts';

/**
 * Limit for the partitions in one request, because the size of a message is limited. The other partitions go
 * into the next request.
 */
const REQUEST_PARTITIONS_MAX = 10_000;

export interface AlterPartitionPorts {
  readonly brokerId: NodeId;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly retryMs: Millis;
  brokerEpoch(): BrokerEpoch;
  send(request: AlterPartitionRequest, done: (response: AlterPartitionResponse | undefined) => void): void;
}

/**
 * Pause before the manager repeats a change that the controller refused with INELIGIBLE_REPLICA, if the
 * partition does not count the change as settled. The controller cannot grant such a change before another
 * replica can take over.
 */
const INELIGIBLE_RETRY_MS: Millis = 1000;

export class AlterPartitionManager {
  private readonly ports: AlterPartitionPorts;
  private queue: IsrProposal[] = [];
  private isScheduled = false;
  private isInFlight = false;

  constructor(ports: AlterPartitionPorts) {
    this.ports = ports;
  }

  /** Number of changes that wait to be sent. */
  get queued(): number {
    return this.queue.length;
  }

  propose(proposal: IsrProposal): void {
    this.queue.push(proposal);
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled || this.isInFlight || this.queue.length === 0) return;
    this.isScheduled = true;
    this.ports.clock.soon(() => {
      this.isScheduled = false;
      this.send();
    });
  }

  private send(): void {
    const pending = this.queue.filter((proposal) => proposal.isPending());
    const proposals = pending.slice(0, REQUEST_PARTITIONS_MAX);
    this.queue = pending.slice(REQUEST_PARTITIONS_MAX);
    if (proposals.length === 0) return;
    this.isInFlight = true;
    this.ports.send(this.request(proposals), (response) => {
      this.isInFlight = false;
      this.answered(proposals, response);
      this.schedule();
    });
  }

  private request(proposals: readonly IsrProposal[]): AlterPartitionRequest {
    const { brokerId } = this.ports;
    const brokerEpoch = this.ports.brokerEpoch();
    return {
      brokerId,
      brokerEpoch,
      partitions: proposals.map((proposal) => ({
        topicId: proposal.topicId,
        partition: proposal.partition,
        leaderEpoch: proposal.leaderEpoch,
        partitionEpoch: proposal.partitionEpoch,
        isr: proposal.isr.map((member) =>
          member.brokerId === brokerId ? { brokerId, brokerEpoch } : member,
        ),
        storageFailed: proposal.kind === 'storage-failed',
      })),
    };
  }

  private answered(proposals: readonly IsrProposal[], response: AlterPartitionResponse | undefined): void {
    const ineligible: IsrProposal[] = [];
    const unsettled = proposals.filter((proposal, index) => {
      const result = response?.errorCode === ErrorCode.NONE ? response.partitions[index] : undefined;
      if (result === undefined || result.topicId !== proposal.topicId) return proposal.isPending();
      const isSettled = proposal.answered({
        errorCode: result.errorCode as ErrorCode,
        leaderId: result.leader,
        leaderEpoch: result.leaderEpoch,
        isr: result.isr,
        partitionEpoch: result.partitionEpoch,
      });
      if (isSettled || result.errorCode !== ErrorCode.INELIGIBLE_REPLICA) return !isSettled;
      ineligible.push(proposal);
      return false;
    });
    this.sendLater(unsettled, this.ports.retryMs);
    this.sendLater(ineligible, INELIGIBLE_RETRY_MS);
  }

  private sendLater(proposals: readonly IsrProposal[], delayMs: Millis): void {
    if (proposals.length === 0) return;
    this.ports.timers.after(delayMs, () => {
      this.queue.push(...proposals);
      this.schedule();
    });
  }
}
