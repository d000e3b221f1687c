/** Committed metadata images, for tests of the checkers that compare each image with the one before it. */
import { type Uuid, uuidFromBytes } from '@millrace/base';
import {
  applyRecords,
  type BrokerRegistration,
  MetadataImage,
  type MetadataRecord,
  type PartitionImage,
} from '@millrace/metadata';
import { withBroker, withTopic } from '@millrace/metadata/testing';
import { BrokerLives } from '../../src/checkers/broker-lives.ts';
import type { StateCheckerKind, StateScope } from '../../src/checkers/checker.ts';
import { CommittedMetadata } from '../../src/checkers/committed-metadata.ts';
import { World } from '../../src/world/index.ts';
import { violationOf } from './small-cluster.ts';

export function uuidOf(n: number): Uuid {
  return uuidFromBytes(new Uint8Array(16).fill(n));
}

export const TOPIC_ID = uuidOf(9);

const register = (brokerId: number): MetadataRecord => ({
  type: 'registerBroker',
  brokerId,
  incarnationId: uuidOf(brokerId),
  listeners: [{ name: 'PLAINTEXT', host: `b${brokerId}`, port: 9092, securityProtocol: 0 } as never],
  rack: undefined,
  logDirs: [uuidOf(100 + brokerId)],
  sessionTimeoutMs: 3_000,
  minInsyncReplicas: 1,
});

const unfence = (brokerId: number, brokerEpoch: number): MetadataRecord => ({
  type: 'brokerChange',
  brokerId,
  brokerEpoch,
  fenced: false,
});

/** The brokers 1, 2 and 3 are active. Each has a replica of t-0, and broker 1 leads it. */
export const healthy: MetadataImage = applyRecords(MetadataImage.EMPTY, {
  baseOffset: 0,
  epoch: 1,
  records: [
    ...[1, 2, 3].map(register),
    ...[1, 2, 3].map((id) => unfence(id, id - 1)),
    { type: 'topic', name: 't', topicId: TOPIC_ID },
    { type: 'config', resourceType: 'topic', resourceName: 't', name: 'min.insync.replicas', value: '2' },
    {
      type: 'partition',
      topicId: TOPIC_ID,
      partition: 0,
      replicas: [1, 2, 3],
      isr: [1, 2, 3],
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 0,
    },
  ] as MetadataRecord[],
}).image;

/** Changes t-0, and raises its partition epoch. */
export function withState(image: MetadataImage, change: Partial<PartitionImage>): MetadataImage {
  const topic = image.topic('t')!;
  const [state] = topic.partitions;
  const partitionEpoch = state!.partitionEpoch + 1;
  return withTopic(image, topic.id, { ...topic, partitions: [{ ...state!, partitionEpoch, ...change }] });
}

export function withRegistration(
  image: MetadataImage,
  id: number,
  change: Partial<BrokerRegistration>,
): MetadataImage {
  return withBroker(image, { ...image.broker(id)!, ...change });
}

/**
 * Shows the images to a checker, one after the other. `killed`: the broker epochs of processes that were
 * killed. Returns the violation as `checker: sentence`.
 */
export function judgeImages(
  kind: StateCheckerKind,
  images: readonly MetadataImage[],
  { killed = [] }: { readonly killed?: readonly number[] } = {},
): string | undefined {
  const lives = new BrokerLives();
  lives.wasKilled = (epoch) => killed.includes(epoch);
  const scope = { world: new World(1), metadata: new CommittedMetadata(), lives } as unknown as StateScope;
  const checker = kind.make(scope);
  return violationOf(() => {
    let before = MetadataImage.EMPTY;
    for (const after of images) {
      checker.committed!(before, after);
      before = after;
    }
  });
}
