/**
 * The state of the cluster at one offset of the metadata log: an immutable value that shares structure with
 * its neighbours, so that an old image costs nothing. Only the replay of records creates images (replay.ts).
 * Code must never change one in place. The maps have no order: sort before any output.
 */
import type { BrokerEpoch, LeaderEpoch, Millis, NodeId, Offset, QuorumEpoch, Uuid } from '@millrace/base';
import { topicCollisionKey } from '@millrace/protocol';
import { Map as ImmutableMap } from 'immutable';
import { CarriedOut } from './carried-out.ts';
import type { FailedReplica, ListenerEndpoint } from './record-table.ts';

export interface BrokerRegistration {
  readonly id: NodeId;
  /** The offset of the registration record. Grows with every registration of this broker. */
  readonly epoch: BrokerEpoch;
  readonly incarnationId: Uuid;
  /** Advertised listeners, in the broker's order. */
  readonly listeners: readonly ListenerEndpoint[];
  readonly rack: string | undefined;
  readonly logDirs: readonly Uuid[];
  /** `broker.session.timeout.ms` of the broker: it accepts no longer lease. 0: not known. */
  readonly sessionTimeoutMs: Millis;
  /** A fenced broker leads nothing, joins no ISR and is not shown to clients. */
  readonly fenced: boolean;
  /** The broker asked to shut down: its leaderships move away and it joins no ISR. */
  readonly inControlledShutdown: boolean;
}

export interface PartitionImage {
  /** In the order of preference; not empty, no duplicates. */
  readonly replicas: readonly NodeId[];
  /** A part of the replicas; never empty. */
  readonly isr: readonly NodeId[];
  /**
   * Eligible leader replicas (KIP-966): they left the ISR when or after it fell below `min.insync.replicas`.
   * Nothing was committed without them, so they hold as much as the ISR members. Disjoint from the ISR.
   */
  readonly elr: readonly NodeId[];
  /**
   * Replicas that left the ISR at its last shrink and have not rejoined. If the remaining members lose their
   * disks, no other replica holds more records.
   */
  readonly formerIsr: readonly NodeId[];
  /**
   * Replicas that reported a storage failure and have not been in the ISR since. An entry is valid while its
   * broker has this epoch.
   */
  readonly failedReplicas: readonly FailedReplica[];
  /** A member of the ISR, or -1: no leader. */
  readonly leader: NodeId;
  /**
   * Without a leader: the last leader, or -1. Clients see it as the last known ELR (KIP-966). With a leader:
   * -1.
   */
  readonly lastKnownLeader: NodeId;
  /** Grows by one with every election, also if no leader is elected. */
  readonly leaderEpoch: LeaderEpoch;
  /** Grows by one with every change of the partition. */
  readonly partitionEpoch: number;
}

export interface TopicImage {
  readonly id: Uuid;
  readonly name: string;
  /** By partition index, without gaps. */
  readonly partitions: readonly PartitionImage[];
}

export type Configs = ReadonlyMap<string, string>;

/** The parts of an image. Built by replay.ts. */
export interface ImageState {
  readonly offset: Offset;
  readonly epoch: QuorumEpoch;
  readonly brokers: ImmutableMap<NodeId, BrokerRegistration>;
  readonly topicsById: ImmutableMap<Uuid, TopicImage>;
  readonly topicIds: ImmutableMap<string, Uuid>;
  /** Names that hold '.' or '_', by their form with only '_': these forms must differ. */
  readonly collidableNames: ImmutableMap<string, string>;
  /** Topic name → configs that were set. No empty maps. */
  readonly topicConfigs: ImmutableMap<string, Configs>;
  /** Broker id as text, or '' for all → configs that were set. No empty maps. */
  readonly brokerConfigs: ImmutableMap<string, Configs>;
  /**
   * Broker → topic → the partitions of which it has a replica, ascending. With it, a fence visits only the
   * partitions of that broker.
   */
  readonly replicasByBroker: ImmutableMap<NodeId, ImmutableMap<Uuid, readonly number[]>>;
  /** Broker → number of its replicas: counting them for every new topic would visit all topics. */
  readonly replicaCounts: ImmutableMap<NodeId, number>;
  readonly nextProducerId: number;
  readonly carriedOut: CarriedOut;
}

const NO_CONFIGS: Configs = new Map<string, string>();
const NO_NAMES: ReadonlySet<string> = new Set();

/** Largest number of changed names to merge; with more of them, sorting again is as fast. */
const CARRIED_NAMES_MAX = 64;

/** An older image's sorted names, and the names added or removed since. */
interface KnownNames {
  readonly sorted: readonly string[];
  readonly changed: ReadonlySet<string>;
}

/**
 * The sorted list with some names added or removed: copies the list and moves a few names, while a sort would
 * compare all names again.
 */
function withChanges({ sorted, changed }: KnownNames, exists: (name: string) => boolean): readonly string[] {
  if (changed.size === 0) return sorted;
  const names = [...sorted];
  for (const name of changed) {
    let low = 0;
    let high = names.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (names[middle]! < name) low = middle + 1;
      else high = middle;
    }
    const isThere = names[low] === name;
    if (isThere && !exists(name)) names.splice(low, 1);
    else if (!isThere && exists(name)) names.splice(low, 0, name);
  }
  return names;
}

export class MetadataImage {
  readonly state: ImageState;
  /** Sorted names, created on first use. */
  private sortedNames: readonly string[] | undefined;
  private knownNames: KnownNames | undefined;

  /** `changedNames`: topics that were added to `previous`, or removed. */
  constructor(state: ImageState, previous?: MetadataImage, changedNames: ReadonlySet<string> = NO_NAMES) {
    this.state = state;
    if (previous === undefined) return;
    const { sortedNames } = previous;
    const known =
      sortedNames === undefined ? previous.knownNames : { sorted: sortedNames, changed: NO_NAMES };
    if (known === undefined || known.changed.size + changedNames.size > CARRIED_NAMES_MAX) return;
    const changed = changedNames.size === 0 ? known.changed : new Set([...known.changed, ...changedNames]);
    this.knownNames = { sorted: known.sorted, changed };
  }

  /** The last applied offset of the metadata log; -1 before the first record. */
  get offset(): Offset {
    return this.state.offset;
  }

  /** The quorum epoch of the last applied record. */
  get epoch(): QuorumEpoch {
    return this.state.epoch;
  }

  /** Every registered broker, fenced or not. */
  get brokers(): ImmutableMap<NodeId, BrokerRegistration> {
    return this.state.brokers;
  }

  /** The first producer id that the controller has not given to a broker. */
  get nextProducerId(): number {
    return this.state.nextProducerId;
  }

  /** The latest changes by clients' requests. */
  get carriedOut(): CarriedOut {
    return this.state.carriedOut;
  }

  broker(id: NodeId): BrokerRegistration | undefined {
    return this.state.brokers.get(id);
  }

  /** All registered brokers by ascending id. */
  sortedBrokers(): BrokerRegistration[] {
    return [...this.state.brokers.values()].sort((a, b) => a.id - b.id);
  }

  /** Registered and not fenced. */
  isAlive(id: NodeId): boolean {
    return this.state.brokers.get(id)?.fenced === false;
  }

  /** Alive and not about to stop: may lead and join ISRs. */
  isActive(id: NodeId): boolean {
    const broker = this.state.brokers.get(id);
    return broker !== undefined && !broker.fenced && !broker.inControlledShutdown;
  }

  topic(name: string): TopicImage | undefined {
    const id = this.state.topicIds.get(name);
    return id === undefined ? undefined : this.state.topicsById.get(id);
  }

  topicById(id: Uuid): TopicImage | undefined {
    return this.state.topicsById.get(id);
  }

  get topicCount(): number {
    return this.state.topicIds.size;
  }

  /** Sorted by UTF-16 code unit. */
  get topicNames(): readonly string[] {
    if (this.sortedNames !== undefined) return this.sortedNames;
    const { topicIds } = this.state;
    this.sortedNames =
      this.knownNames === undefined
        ? [...topicIds.keys()].sort()
        : withChanges(this.knownNames, (name) => topicIds.has(name));
    this.knownNames = undefined;
    return this.sortedNames;
  }

  partition(topicId: Uuid, partition: number): PartitionImage | undefined {
    return this.state.topicsById.get(topicId)?.partitions[partition];
  }

  /**
   * The existing topic whose name differs from this one only by '.' and '_' (metrics could not distinguish
   * them).
   */
  collidingTopic(name: string): string | undefined {
    const known = this.state.collidableNames.get(topicCollisionKey(name));
    return known === name ? undefined : known;
  }

  /** The configs set on the topic itself, without defaults. */
  topicConfig(name: string): Configs {
    return this.state.topicConfigs.get(name) ?? NO_CONFIGS;
  }

  /** The dynamic configs of a broker, or of all brokers with ''. */
  brokerConfig(name: string): Configs {
    return this.state.brokerConfigs.get(name) ?? NO_CONFIGS;
  }

  /** The partitions of which a broker has a replica, by ascending topic id and index. */
  *partitionsOf(broker: NodeId): Generator<PartitionOfBroker> {
    const byTopic = this.state.replicasByBroker.get(broker);
    if (byTopic === undefined) return;
    for (const topicId of [...byTopic.keys()].sort()) {
      const topic = this.state.topicsById.get(topicId)!;
      for (const index of byTopic.get(topicId)!) {
        yield { topic, index, partition: topic.partitions[index]! };
      }
    }
  }

  /** How many replicas a broker holds. */
  replicaCount(broker: NodeId): number {
    return this.state.replicaCounts.get(broker) ?? 0;
  }

  static readonly EMPTY = new MetadataImage({
    offset: -1,
    epoch: 0,
    brokers: ImmutableMap(),
    topicsById: ImmutableMap(),
    topicIds: ImmutableMap(),
    collidableNames: ImmutableMap(),
    topicConfigs: ImmutableMap(),
    brokerConfigs: ImmutableMap(),
    replicasByBroker: ImmutableMap(),
    replicaCounts: ImmutableMap(),
    nextProducerId: 0,
    carriedOut: CarriedOut.EMPTY,
  });
}

export interface PartitionOfBroker {
  readonly topic: TopicImage;
  readonly index: number;
  readonly partition: PartitionImage;
}

/**
 * The image as plain sorted data: equal exactly if two images mean the same. For checkers, tests and dumps.
 * Leaves out offset and epoch, in which logs of equal effect may differ.
 */
export function imageToPlain(image: MetadataImage): unknown {
  const configs = (map: ImmutableMap<string, Configs>) =>
    [...map.keys()].sort().map((name) => [name, [...map.get(name)!].sort(([a], [b]) => (a < b ? -1 : 1))]);
  return {
    brokers: image.sortedBrokers(),
    topics: image.topicNames.map((name) => image.topic(name)),
    topicConfigs: configs(image.state.topicConfigs),
    brokerConfigs: configs(image.state.brokerConfigs),
    replicasByBroker: [...image.state.replicasByBroker.keys()]
      .sort((a, b) => a - b)
      .map((id) => [id, [...image.partitionsOf(id)].map(({ topic, index }) => [topic.name, index])]),
    collidableNames: [...image.state.collidableNames].sort(([a], [b]) => (a < b ? -1 : 1)),
    nextProducerId: image.nextProducerId,
    carriedOut: image.carriedOut.toPlain(),
  };
}
