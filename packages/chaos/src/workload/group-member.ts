/**
 * A member of a group: it reads the partitions that the group assigns to it, and commits what it has read.
 * The history gets its group requests, how far it reads, and the records themselves.
 */
import type { Timer } from '@millrace/base';
import type { Op } from '@millrace/checkers';
import { type FetchedRecords, GroupConsumer, type Position, type StartPosition } from '@millrace/client';
import type { KafkaCluster } from '@millrace/client/io';
import { connect, type WorkloadClient, type WorkloadContext } from './context.ts';
import { GroupRecorder } from './group-recorder.ts';
import { recordedConnections } from './recorded-connection.ts';
import { seenRecords } from './seen-records.ts';

export interface GroupMemberOptions {
  readonly name: string;
  readonly topic: string;
  readonly group: string;
  /** `classic`: JoinGroup. `consumer`: KIP-848. All members of a group use the same. Default `classic`. */
  readonly protocol?: 'classic' | 'consumer';
  /** Default 1000. */
  readonly autoCommitMs?: number;
  /** Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Default 30,000, as in the Java client. */
  readonly requestTimeoutMs?: number;
}

const AUTO_COMMIT_MS = 1_000;
const SESSION_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const REBALANCE_TIMEOUT_MS = 60_000;
const HEARTBEATS_PER_SESSION = 5;
const MAX_WAIT_MS = 500;
const FETCH_BYTES = 1 << 20;
/** When an error ends the member, it joins again after this time. */
const AGAIN_MS = 1_000;

export class WorkloadGroupMember implements WorkloadClient {
  readonly name: string;
  private readonly context: WorkloadContext;
  private readonly options: GroupMemberOptions;
  private readonly cluster: KafkaCluster;
  private readonly recorder: GroupRecorder;
  private consumer: GroupConsumer;
  private again: Timer | undefined;
  private stopping: Promise<void> | undefined;

  /** Rejects if no broker answers. */
  static async start(context: WorkloadContext, options: GroupMemberOptions): Promise<WorkloadGroupMember> {
    const { name, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    return new WorkloadGroupMember(context, options, await connect(context, name, requestTimeoutMs));
  }

  private constructor(context: WorkloadContext, options: GroupMemberOptions, cluster: KafkaCluster) {
    const { name: client, group, topic } = options;
    this.name = client;
    this.context = context;
    this.options = options;
    this.cluster = cluster;
    const { nowUs } = context;
    this.recorder = new GroupRecorder({ client, group, topic, nowUs, record: (op) => this.record(op) });
    this.consumer = this.join();
  }

  /** Commits, leaves the group and ends, at the latest after this time. */
  stop(withinMs: number): Promise<void> {
    this.stopping ??= this.end(withinMs);
    return this.stopping;
  }

  private async end(withinMs: number): Promise<void> {
    const { consumer, cluster } = this;
    this.again?.cancel();
    await new Promise<void>((done) => {
      const late = cluster.clock.setTimer(withinMs, done);
      consumer.close(() => {
        late.cancel();
        done();
      });
    });
    cluster.remove(consumer);
    this.recorder.end();
    cluster.close();
  }

  private join(): GroupConsumer {
    const { cluster, context, options, recorder } = this;
    const { name: clientId, topic, group, autoCommitMs = AUTO_COMMIT_MS } = options;
    const { protocol = 'classic', sessionTimeoutMs = SESSION_TIMEOUT_MS } = options;
    const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    const consumer: GroupConsumer = new GroupConsumer({
      clock: cluster.clock,
      random: cluster.random,
      cluster: cluster.view,
      open: recordedConnections({ clock: cluster.clock, clientId, requestTimeoutMs, recorder }),
      groupId: group,
      protocol:
        protocol === 'consumer'
          ? { name: 'consumer', subscription: { topics: [topic] }, serverAssignor: null }
          : {
              name: 'classic',
              topics: [topic],
              assignor: 'cooperative-sticky',
              sessionTimeoutMs,
              heartbeatMs: Math.floor(sessionTimeoutMs / HEARTBEATS_PER_SESSION),
            },
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      reset: 'earliest',
      autoCommitMs,
      requestTimeoutMs,
      usesSessions: true,
      sendsEpochs: true,
      validatesPositions: true,
      maxWaitMs: MAX_WAIT_MS,
      maxBytes: FETCH_BYTES,
      observer: {
        records: (position, fetched) => this.read(position, fetched),
        assigned: (starts) => this.assigned(starts),
        positioned: ({ partition }, offset, why) =>
          this.record({ ...this.place(partition), type: 'assign', offset, why, endedUs: context.nowUs() }),
        failed: () => this.joinAgain(consumer),
      },
    });
    cluster.add(consumer);
    consumer.start();
    return consumer;
  }

  /** A member that begins at a committed offset gets no records below it, or sees some a second time. */
  private assigned(starts: readonly StartPosition[]): void {
    const endedUs = this.context.nowUs();
    for (const { partition, start } of starts)
      if (typeof start === 'number')
        this.record({ ...this.place(partition), type: 'assign', offset: start, why: 'earliest', endedUs });
  }

  private read({ partition, offset }: Position, fetched: FetchedRecords): void {
    const { fetchOffset, highWatermark, brokerId } = fetched;
    const { group } = this.options;
    const endedUs = this.context.nowUs();
    const place = this.place(partition);
    this.record({ ...place, type: 'group-read', group, fetchOffset, nextOffset: offset!, endedUs });
    const records = seenRecords(fetched);
    if (records.length > 0)
      this.record({ ...place, type: 'poll', fetchOffset, records, highWatermark, brokerId, endedUs });
  }

  private joinAgain(failed: GroupConsumer): void {
    this.again ??= this.cluster.clock.setTimer(AGAIN_MS, () => {
      this.again = undefined;
      this.cluster.remove(failed);
      // The old member's last requests may still get answers, so the recorder stays the same.
      failed.close(() => {});
      if (this.stopping === undefined) this.consumer = this.join();
    });
  }

  private record(op: Op): void {
    this.context.sink({ line: 'op', op });
  }

  private place(partition: number) {
    return { client: this.name, topic: this.options.topic, topicId: undefined, partition };
  }
}
