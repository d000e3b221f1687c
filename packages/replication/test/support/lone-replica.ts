/**
 * One replica without a broker around it. The test sets the lease, the assignment and the offsets of the
 * followers by hand.
 */
import type { Logger, NodeId, Uuid } from '@millrace/base';
import { ManualClock, MemoryDisk, MemoryLogger } from '@millrace/base/testing';
import { PartitionLog } from '@millrace/log';
import { buildBatch, type ErrorCode } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { ProduceOperation } from '../../src/partition/acks.ts';
import { BlockedProducers } from '../../src/partition/blocked-producers.ts';
import { Partition } from '../../src/partition/partition.ts';
import type { IsrProposal, PartitionAssignment, PartitionPorts } from '../../src/partition/ports.ts';
import type { PartitionSettings } from '../../src/partition/settings.ts';
import { logConfig } from './settings.ts';

/**
 * The broker of the replica under test. The other replica is on broker 2, and min.insync.replicas is 2. A
 * test may add a replica on broker 3.
 */
export const ME = 1;
export const OTHER = 2;
export const THIRD = 3;

export class LoneReplica {
  hasLease = true;
  nowMs = 0;
  /** How often an append failed, perhaps because of a full disk. */
  failedAppends = 0;
  readonly clock = new ManualClock();
  readonly disk = new MemoryDisk((callback) => this.clock.soon(callback));
  readonly partition: Partition;
  /** Proposals to the controller that are not answered yet, oldest first. */
  readonly proposals: IsrProposal[] = [];
  private readonly waiting = new Set<{ leaseRenewed(): void }>();
  state: PartitionAssignment = {
    replicas: [ME, OTHER],
    isr: [ME, OTHER],
    elr: [],
    leader: ME,
    leaderEpoch: 0,
    partitionEpoch: 0,
  };

  constructor(settings: Partial<PartitionSettings> = {}) {
    const logger = new MemoryLogger() as Logger;
    const ports: PartitionPorts = {
      counters: { appended() {}, becameLeader() {}, isrChanged() {} },
      leaderships: { began() {}, ended() {} },
      room: {
        shortage: undefined,
        coordinatorShortage: undefined,
        used() {},
        appendFailed: () => void this.failedAppends++,
      },
      brokerId: ME,
      replicaLagTimeMaxMs: 30_000,
      logger,
      now: () => this.nowMs,
      wallMs: () => 0,
      soon: (callback) => callback(),
      after: (delayMs, callback) => {
        const timer = this.clock.setTimer(delayMs, callback);
        return () => timer.cancel();
      },
      turnBudget: { work: Number.POSITIVE_INFINITY },
      holdsLease: () => this.hasLease,
      awaitLease: (leadership) => this.waiting.add(leadership),
      isInControlledShutdown: () => false,
      mayJoinIsr: () => true,
      isAlive: () => true,
      storageFailed: () => {},
      proposeIsr: (proposal) => this.proposals.push(proposal),
    };
    const log = PartitionLog.open({
      disk: this.disk,
      directory: '/data/events-0',
      nowWallMs: 0,
      cleanShutdown: false,
      codecs: compressionCodecs,
      logger,
      config: logConfig,
    });
    this.partition = new Partition({
      topicId: 'aaaaaaaaaaaaaaaaaaaaaA' as Uuid,
      topic: 'events',
      index: 0,
      log,
      settings: {
        minInsyncReplicas: 2,
        syncsBeforeAck: false,
        flushMs: Number.POSITIVE_INFINITY,
        ...settings,
      },
      highWatermark: 0,
      blockedProducers: new BlockedProducers(),
      ports,
    });
    this.partition.assign(this.state);
  }

  /** Applies a decision of the controller. */
  decide(change: Partial<Pick<PartitionAssignment, 'replicas' | 'isr' | 'elr' | 'leader'>>): void {
    const { state } = this;
    const isNewLeader = change.leader !== undefined;
    this.state = {
      ...state,
      ...change,
      leaderEpoch: state.leaderEpoch + (isNewLeader ? 1 : 0),
      partitionEpoch: state.partitionEpoch + 1,
    };
    this.partition.assign(this.state);
  }

  /** Applies altered settings. */
  configure(settings: Partial<PartitionSettings>): void {
    this.partition.settings = { ...this.partition.settings, ...settings };
    this.partition.settingsChanged();
  }

  /**
   * Answers the oldest proposal in the role of the controller. Returns true if the replica need not send the
   * proposal again.
   */
  answer(errorCode: ErrorCode): boolean {
    const { leader: leaderId, leaderEpoch, isr, partitionEpoch } = this.state;
    return this.proposals.shift()!.answered({ errorCode, leaderId, leaderEpoch, isr, partitionEpoch });
  }

  /**
   * Produces a batch. Returns a list of the error codes that its client gets; it is empty until the leader
   * answers.
   */
  produce(acks: number): ErrorCode[] {
    const answers: ErrorCode[] = [];
    const operation = new ProduceOperation();
    const records = buildBatch({ baseTimestamp: 0, records: [{ key: null, value: new Uint8Array(10) }] });
    this.partition.produce(records, { acks, apiVersion: 11 }, operation.acknowledgement(0));
    operation.start(([result]) => answers.push(result!.errorCode));
    return answers;
  }

  otherHasAll(): void {
    this.hasAll(OTHER);
  }

  /** Reports, in the role of the follower on this broker, that the follower has the whole log. */
  hasAll(brokerId: NodeId): void {
    this.partition.leadership!.recordFollower({
      brokerId,
      brokerEpoch: 7,
      fetchOffset: this.partition.log.endOffset,
      logStartOffset: 0,
    });
  }

  renewLease(): void {
    this.hasLease = true;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const leadership of waiting) leadership.leaseRenewed();
  }
}
