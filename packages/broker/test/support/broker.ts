/**
 * A broker's front end over fakes of the broker's other parts. The test releases parked produce and fetch
 * requests by hand, and plays the controller.
 */

import { LogLevels, Prng, type Uuid } from '@millrace/base';
import { ManualClock, MemoryLogger } from '@millrace/base/testing';
import { applyRecords, MetadataImage, type MetadataRecord } from '@millrace/metadata';
import { ErrorCode, SpareBuffers } from '@millrace/protocol';
import type {
  FetchRequest,
  FetchResponse,
  ProduceRequest,
  ProduceResult,
  RunningFetch,
} from '@millrace/replication';
import type { FrontEndConfig, FrontEndLimits } from '../../src/config.ts';
import { BrokerFrontEnd } from '../../src/front-end.ts';
import type {
  ForwardedRequest,
  ForwardedResponse,
  GroupPort,
  Handler,
  ReplicaPort,
} from '../../src/handler.ts';
import { TestClient } from './client.ts';
import { noGroups } from './no-groups.ts';
import { frontEndConfig } from './settings.ts';

export const CLUSTER_ID = 'QUJDREVGR0hJSktMTU5PUA' as Uuid;

export class FakeReplicas implements ReplicaPort {
  readonly produced: { request: ProduceRequest; done: (results: ProduceResult[]) => void }[] = [];
  /** If true, a job checks the batches of each produce request; the checks wait in `checking`. */
  checksBeside = false;
  readonly checking: { appended: () => void; cancelled: boolean }[] = [];
  readonly fetches: {
    request: FetchRequest;
    done: (response: FetchResponse) => void;
    cancelled: boolean;
    overtaken: boolean;
  }[] = [];
  listOffsets: ReplicaPort['listOffsets'] = (_query, done) => void done([]);
  offsetForLeaderEpoch: ReplicaPort['offsetForLeaderEpoch'] = () => [];
  describeLogDirs: ReplicaPort['describeLogDirs'] = () => [];
  readonly deletions: ReplicaPort['deletions'] = {
    delete: (_request, done) => {
      done([]);
      return undefined;
    },
  };

  produce(
    request: ProduceRequest,
    done: (results: ProduceResult[]) => void,
    appended: () => void = () => {},
  ): (() => void) | undefined {
    this.produced.push({ request, done });
    if (!this.checksBeside) return undefined;
    const check = { appended, cancelled: false };
    this.checking.push(check);
    return () => {
      check.cancelled = true;
    };
  }

  fetch(request: FetchRequest, done: (response: FetchResponse) => void): RunningFetch {
    const parked = { request, done, cancelled: false, overtaken: false };
    this.fetches.push(parked);
    return {
      cancel: () => {
        parked.cancelled = true;
      },
      nextRequestArrived: () => {
        parked.overtaken = true;
      },
    };
  }

  /**
   * Answers the oldest Produce. Like the replica manager, returns the handler's error for partitions that are
   * unknown or forbidden.
   */
  release(result: Partial<ProduceResult> = {}): void {
    const { request, done } = this.produced.shift()!;
    done(
      request.partitions.map(({ unknown, forbidden }) => {
        const errorCode = unknown ?? forbidden;
        return errorCode === undefined ? { ...OK, ...result } : { ...OK, baseOffset: -1, errorCode };
      }),
    );
  }
}

const OK: ProduceResult = {
  errorCode: ErrorCode.NONE,
  baseOffset: 0,
  logAppendTimeMs: -1,
  logStartOffset: 0,
};

export interface TestBroker {
  readonly clock: ManualClock;
  readonly logger: MemoryLogger;
  readonly logLevels: LogLevels;
  readonly replicas: FakeReplicas;
  readonly frontEnd: BrokerFrontEnd;
  readonly forwarded: { request: ForwardedRequest; done: (response: ForwardedResponse) => void }[];
  image: MetadataImage;
  /** Commits more metadata. */
  add(records: readonly MetadataRecord[]): MetadataImage;
  connect(o?: { listener?: string; address?: string }): TestClient;
  /** Names and reasons of everything logged at info and above. */
  log(): string[];
  /** The result of every request to the fake source of producer ids. */
  producerIds: { errorCode: ErrorCode; producerId: number };
}

export function testBroker(
  o: {
    limits?: Partial<FrontEndLimits>;
    config?: Partial<Omit<FrontEndConfig, 'limits'>>;
    records?: readonly MetadataRecord[];
    handlers?: readonly Handler[];
    groups?: Partial<GroupPort>;
  } = {},
): TestBroker {
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const logLevels = new LogLevels('INFO');
  const replicas = new FakeReplicas();
  const forwarded: TestBroker['forwarded'] = [];
  const broker: TestBroker = {
    clock,
    logger,
    logLevels,
    replicas,
    forwarded,
    image: imageOf(o.records ?? cluster()),
    add: (records) => {
      broker.image = imageOf(records, broker.image);
      return broker.image;
    },
    producerIds: { errorCode: ErrorCode.NONE, producerId: 4000 },
    connect: (options) => new TestClient(frontEnd, clock, options),
    log: () =>
      logger.events
        .filter(({ level }) => level !== 'debug')
        .map(({ event, facts }) => (facts.reason === undefined ? event : `${event}: ${facts.reason}`)),
    frontEnd: undefined as never,
  };
  const frontEnd = new BrokerFrontEnd({
    brokerId: 1,
    clock,
    random: new Prng(1),
    logger,
    logLevels,
    config: frontEndConfig(o.config, o.limits),
    replicas,
    groups: { ...noGroups(), ...o.groups },
    spares: new SpareBuffers({ spoils: true }),
    producerIds: { next: (done) => done(broker.producerIds) },
    forward: (request, done) => forwarded.push({ request, done }),
    clusterId: () => CLUSTER_ID,
    image: () => broker.image,
    ...(o.handlers === undefined ? {} : { handlers: o.handlers }),
  });
  return Object.assign(broker, { frontEnd });
}

export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAZA' as Uuid;
export const OTHER_ID = 'AAAAAAAAAAAAAAAAAAAAyA' as Uuid;

/**
 * Brokers 1, 2 (rack b) and 3 on PLAINTEXT and INTERNAL; topic `words` with two partitions led by 1 and 2.
 */
export function cluster(): MetadataRecord[] {
  return [
    register(1),
    register(2, 'b'),
    register(3),
    ...[1, 2, 3].map(
      (brokerId): MetadataRecord => ({
        type: 'brokerChange',
        brokerId,
        brokerEpoch: brokerId - 1,
        fenced: false,
      }),
    ),
    { type: 'topic', name: 'words', topicId: TOPIC_ID },
    partition(TOPIC_ID, 0, [1, 2, 3], 1),
    partition(TOPIC_ID, 1, [2, 3, 1], 2),
  ];
}

export function register(brokerId: number, rack?: string): MetadataRecord {
  return {
    type: 'registerBroker',
    brokerId,
    incarnationId: CLUSTER_ID,
    listeners: [
      { name: 'PLAINTEXT', host: `broker-${brokerId}`, port: 9092 },
      { name: 'INTERNAL', host: `inner-${brokerId}`, port: 9192 },
    ],
    rack,
    logDirs: [],
  };
}

export function partition(
  topicId: Uuid,
  index: number,
  replicas: number[],
  leader: number,
  isr = replicas,
): MetadataRecord {
  return {
    type: 'partition',
    topicId,
    partition: index,
    replicas,
    isr,
    leader,
    leaderEpoch: 5,
    partitionEpoch: 7,
  };
}

export function imageOf(records: readonly MetadataRecord[], from = MetadataImage.EMPTY): MetadataImage {
  return applyRecords(from, { baseOffset: from.offset + 1, epoch: 1, records: [...records] }).image;
}
