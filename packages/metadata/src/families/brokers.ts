/**
 * The part of the metadata image that holds the registered brokers, and the replay of the records that change
 * it.
 */
import { assert, type BrokerEpoch, type Millis, type NodeId, type Offset, type Uuid } from '@millrace/base';
import { Map as ImmutableMap } from 'immutable';
import type { ReplayFunctions } from '../draft.ts';
import { MapDraft } from '../map-draft.ts';
import type { ListenerEndpoint } from '../record-table.ts';
import type { MetadataRecord, RecordOf } from '../records.ts';
import { type Changes, isSameData, union } from './changes.ts';

export interface BrokerRegistration {
  readonly id: NodeId;
  /** The offset of the registration record. Grows with every registration of this broker. */
  readonly epoch: BrokerEpoch;
  readonly incarnationId: Uuid;
  /** Advertised listeners, in the broker's order. */
  readonly listeners: readonly ListenerEndpoint[];
  readonly rack: string | undefined;
  readonly logDirs: readonly Uuid[];
  /** The broker's `broker.session.timeout.ms`, which is the longest lease that it accepts. 0: unknown. */
  readonly sessionTimeoutMs: Millis;
  /**
   * The broker's own `min.insync.replicas`; 1 if unknown. It applies to each partition that the broker leads,
   * unless the topic or a dynamic config of all brokers sets another value.
   */
  readonly minInsyncReplicas: number;
  /**
   * True: the broker leads nothing and joins no ISR. Clients see fenced brokers only in DescribeCluster, and
   * only if they ask for them.
   */
  readonly fenced: boolean;
  /** True: the broker asked to shut down, so its leaderships move away and it joins no ISR. */
  readonly inControlledShutdown: boolean;
}

/** Every registered broker, fenced or not. */
export class BrokersImage {
  static readonly EMPTY = new BrokersImage(ImmutableMap());
  readonly byId: ImmutableMap<NodeId, BrokerRegistration>;

  constructor(byId: ImmutableMap<NodeId, BrokerRegistration>) {
    this.byId = byId;
  }

  get size(): number {
    return this.byId.size;
  }

  get(id: NodeId): BrokerRegistration | undefined {
    return this.byId.get(id);
  }

  /** All registered brokers, in no particular order. */
  values(): Iterable<BrokerRegistration> {
    return this.byId.values();
  }

  /** All registered brokers by ascending id. */
  sorted(): BrokerRegistration[] {
    return [...this.byId.values()].sort((a, b) => a.id - b.id);
  }

  /** True if the broker is registered and not fenced. */
  isAlive(id: NodeId): boolean {
    return this.byId.get(id)?.fenced === false;
  }

  /** True if the broker is alive and not in controlled shutdown: it may lead and join ISRs. */
  isActive(id: NodeId): boolean {
    const broker = this.byId.get(id);
    return broker !== undefined && !broker.fenced && !broker.inControlledShutdown;
  }
}

/** Brokers that registered, were removed or changed. */
export class BrokersChanges implements Changes {
  readonly ids: Set<NodeId>;

  constructor(ids: Set<NodeId> = new Set()) {
    this.ids = ids;
  }

  get isEmpty(): boolean {
    return this.ids.size === 0;
  }

  merge(next: BrokersChanges): BrokersChanges {
    return new BrokersChanges(union(this.ids, next.ids));
  }

  static between(previous: BrokersImage, next: BrokersImage): BrokersChanges {
    const ids = union(new Set(previous.byId.keys()), new Set(next.byId.keys()));
    for (const id of ids) if (isSameData(previous.get(id), next.get(id))) ids.delete(id);
    return new BrokersChanges(ids);
  }
}

export class BrokersDraft {
  readonly changes = new BrokersChanges();
  private readonly previous: BrokersImage;
  private readonly byId: MapDraft<NodeId, BrokerRegistration>;

  constructor(previous: BrokersImage) {
    this.previous = previous;
    this.byId = new MapDraft(previous.byId);
  }

  close(): BrokersImage {
    return this.changes.isEmpty ? this.previous : new BrokersImage(this.byId.close());
  }

  /**
   * `offset`: the offset of the record, which becomes the broker epoch. A record of a snapshot names the
   * broker epoch itself.
   */
  register(record: RecordOf<'registerBroker'>, offset: Offset): void {
    const epoch = record.brokerEpoch ?? offset;
    assert(epoch >= 0, 'a registration has a broker epoch');
    this.put({
      id: record.brokerId,
      epoch,
      incarnationId: record.incarnationId,
      listeners: record.listeners,
      rack: record.rack,
      logDirs: record.logDirs,
      sessionTimeoutMs: record.sessionTimeoutMs ?? 0,
      minInsyncReplicas: record.minInsyncReplicas ?? 1,
      fenced: record.fenced ?? true,
      inControlledShutdown: record.inControlledShutdown ?? false,
    });
  }

  unregister({ brokerId, brokerEpoch }: RecordOf<'unregisterBroker'>): void {
    this.registration(brokerId, brokerEpoch);
    this.byId.delete(brokerId);
    this.changes.ids.add(brokerId);
  }

  change(record: RecordOf<'brokerChange'>): void {
    const broker = this.registration(record.brokerId, record.brokerEpoch);
    this.put({
      ...broker,
      fenced: record.fenced ?? broker.fenced,
      inControlledShutdown: record.inControlledShutdown ?? broker.inControlledShutdown,
    });
  }

  private put(broker: BrokerRegistration): void {
    this.byId.set(broker.id, broker);
    this.changes.ids.add(broker.id);
  }

  private registration(id: NodeId, epoch: BrokerEpoch): BrokerRegistration {
    const broker = this.byId.get(id);
    assert(broker !== undefined, 'a registered broker');
    assert(broker.epoch === epoch, 'the current registration of the broker');
    return broker;
  }
}

export const replayBrokers: ReplayFunctions<'registerBroker' | 'unregisterBroker' | 'brokerChange'> = {
  registerBroker: ({ brokers }, record, offset) => brokers.register(record, offset),
  unregisterBroker: ({ brokers }, record) => brokers.unregister(record),
  brokerChange: ({ brokers }, record) => brokers.change(record),
};

/** The records of a snapshot that replay to these brokers. */
export function* recordsOfBrokers(brokers: BrokersImage): Generator<MetadataRecord> {
  for (const { id, epoch, ...broker } of brokers.sorted())
    yield { type: 'registerBroker', brokerId: id, brokerEpoch: epoch, ...broker };
}
