/** The consumer of a group, with a coordinator and a leader (broker 4) that a test plays by hand. */
import type { Uuid } from '@millrace/base';
import { Prng } from '@millrace/base';
import { apis, consumerProtocolAssignment, ErrorCode } from '@millrace/protocol';
import { GroupConsumer, type GroupConsumerOptions } from '../../src/index.ts';
import { TOPIC_ID } from './metadata.ts';
import { PlayedGroup } from './played-group.ts';

export const CLASSIC = {
  name: 'classic',
  topics: ['events'],
  assignor: 'range',
  sessionTimeoutMs: 10_000,
  heartbeatMs: 3_000,
} as const;

export class Consumed extends PlayedGroup {
  readonly seen: string[] = [];
  readonly consumer: GroupConsumer;

  /** `versions`: the newest version that the coordinator has of some APIs, by API key. */
  constructor(
    options: Partial<GroupConsumerOptions> = {},
    versions: { readonly [apiKey: number]: number } = {},
  ) {
    super();
    this.consumer = new GroupConsumer({
      clock: this.clock,
      random: new Prng(1),
      cluster: this.cluster.view,
      open: this.open,
      groupId: 'g',
      protocol: CLASSIC,
      rebalanceTimeoutMs: 20_000,
      reset: 'earliest',
      autoCommitMs: 1_000,
      requestTimeoutMs: 2_000,
      usesSessions: false,
      sendsEpochs: true,
      validatesPositions: false,
      maxWaitMs: 500,
      maxBytes: 1_000,
      observer: {
        records: (position, { fetchOffset }) =>
          this.seen.push(
            `records ${position.topic}-${position.partition} ${fetchOffset} to ${position.offset}`,
          ),
        assigned: (starts) =>
          this.seen.push(
            `assigned ${starts.map(({ topic, partition, start }) => `${topic}-${partition} at ${start}`)}`,
          ),
        revoked: (places, isLost) => this.seen.push(`${isLost ? 'lost' : 'revoked'} ${places.length}`),
        committed: (offsets, error) =>
          this.seen.push(`committed ${offsets.map(({ offset }) => offset)} ${error ?? ''}`.trim()),
        notFetched: (places, error) =>
          this.seen.push(`not fetched ${places.map(({ partition }) => partition)} ${error}`),
        failed: (error, place) => this.seen.push(`failed ${place?.partition ?? 'all'} ${error}`),
      },
      ...options,
    });
    this.consumer.start();
    this.found(9, versions);
    this.cluster.view.connectionTo(4);
    this.cluster.opens(4);
  }

  /** A consumer that owns partition 0, whose committed offset is 5. A Fetch is under way. */
  static reading(options: Partial<GroupConsumerOptions> = {}): Consumed {
    const consumed = new Consumed(options);
    consumed.joins();
    consumed.offset(5);
    consumed.seen.length = 0;
    return consumed;
  }

  get news(): string[] {
    return this.seen.splice(0);
  }

  get waiting(): string[] {
    return this.broker().waiting;
  }

  joins(generationId = 1, partitions = [0]): void {
    this.joining(generationId);
    this.syncs(partitions);
  }

  /** Answers JoinGroup. */
  joining(generationId: number): void {
    this.answer(apis.joinGroup, { generationId, leader: 'other', memberId: 'me', members: [] } as never);
  }

  /** Answers SyncGroup. */
  syncs(partitions: number[]): void {
    const assignedPartitions = [{ topic: 'events', partitions }];
    const assignment = consumerProtocolAssignment.encode(1, { assignedPartitions });
    this.answer(apis.syncGroup, { errorCode: ErrorCode.NONE, assignment });
  }

  /** Answers OffsetFetch; -1: no offset is committed. */
  offset(committedOffset: number, errorCode = 0, topicId: Uuid = TOPIC_ID) {
    const partitions = [
      { partitionIndex: 0, errorCode: 0, committedOffset, committedLeaderEpoch: 0, metadata: '' },
    ];
    const topics = [{ name: 'events', topicId, partitions }];
    return this.answer(apis.offsetFetch, { groups: [{ groupId: 'g', errorCode, topics }] } as never);
  }

  commits(errorCode: number = ErrorCode.NONE) {
    const topics = [{ topicId: TOPIC_ID, partitions: [{ partitionIndex: 0, errorCode }] }];
    const request = this.answer(apis.offsetCommit, { topics });
    const { generationIdOrMemberEpoch, memberId } = request;
    const offset = request.topics[0]?.partitions[0]?.committedOffset;
    return { generationIdOrMemberEpoch, memberId, offset };
  }

  fetches(told: object) {
    const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 100, records: null, ...told };
    const responses = [{ topic: 'events', topicId: TOPIC_ID as Uuid, partitions: [partition] }];
    const request = this.broker(4).answer(apis.fetch, { errorCode: 0, sessionId: 0, responses } as never);
    return request.topics[0]!.partitions[0]!;
  }
}
