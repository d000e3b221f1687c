/**
 * Assigns each followed partition to the fetcher of its leader broker, like Kafka's ReplicaFetcherManager.
 * Each leader broker has one fetcher. The manager creates this fetcher for the first partition, and drops it
 * when no partition is left.
 */
import type { Address, LeaderEpoch, NodeId } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { Partition } from '../partition/partition.ts';
import { ReplicaFetcher, type ReplicaFetcherPorts } from './replica-fetcher.ts';

interface Source {
  readonly address: Address;
  /** The broker epoch of the leader broker. */
  readonly brokerEpoch: number;
  readonly fetcher: ReplicaFetcher;
}

export class ReplicaFetcherManager {
  private readonly ports: ReplicaFetcherPorts;
  private readonly sources = new Map<NodeId, Source>();
  private readonly following = new Map<Partition, { leaderId: NodeId; leaderEpoch: LeaderEpoch }>();

  constructor(ports: ReplicaFetcherPorts) {
    this.ports = ports;
  }

  /**
   * Called after `Partition.assign`, and when the leader's registration changed. Makes the partition follow
   * its present leader in the present leader epoch.
   */
  update(partition: Partition, image: MetadataImage): void {
    const { leaderId, leaderEpoch, role } = partition;
    const current = this.following.get(partition);
    if (role !== 'follower' || leaderId < 0) {
      this.stop(partition);
      return;
    }
    if (current?.leaderId === leaderId && current.leaderEpoch === leaderEpoch) return;
    if (current !== undefined && current.leaderId !== leaderId) this.stop(partition);
    const source = this.source(leaderId, image);
    // Do not follow a leader that is not registered with a listener for brokers. `publish`
    // (replica-manager.ts) calls `update` again when the leader registers.
    if (source === undefined) {
      this.stop(partition);
      return;
    }
    this.following.set(partition, { leaderId, leaderEpoch });
    source.fetcher.add(partition);
  }

  stop(partition: Partition): void {
    const current = this.following.get(partition);
    if (current === undefined) return;
    this.following.delete(partition);
    const source = this.sources.get(current.leaderId);
    source?.fetcher.remove(partition);
    if (source?.fetcher.size !== 0) return;
    source.fetcher.close();
    this.sources.delete(current.leaderId);
  }

  /**
   * Passes new endpoints to the fetchers, because a leader that registered again may have another endpoint.
   */
  brokersChanged(brokers: ReadonlySet<NodeId>, image: MetadataImage): void {
    for (const brokerId of brokers) {
      const source = this.sources.get(brokerId);
      const address = this.addressOf(brokerId, image);
      const brokerEpoch = image.broker(brokerId)?.epoch;
      if (source === undefined || address === undefined || brokerEpoch === undefined) continue;
      if (source.brokerEpoch === brokerEpoch) continue;
      this.sources.set(brokerId, { ...source, address, brokerEpoch });
      source.fetcher.moveTo(address);
    }
  }

  /**
   * Called after a disk failed, a log was found corrupt, or settings changed. Before its next request, each
   * fetcher looks again at all its replicas.
   */
  recheckPartitions(): void {
    for (const { fetcher } of this.sources.values()) fetcher.recheckPartitions();
  }

  close(): void {
    for (const { fetcher } of this.sources.values()) fetcher.close();
    this.sources.clear();
    this.following.clear();
  }

  private source(leaderId: NodeId, image: MetadataImage): Source | undefined {
    const known = this.sources.get(leaderId);
    if (known !== undefined) return known;
    const address = this.addressOf(leaderId, image);
    const broker = image.broker(leaderId);
    if (address === undefined || broker === undefined) {
      this.ports.logger.error('leader-without-listener', { leader: leaderId });
      return undefined;
    }
    const fetcher = new ReplicaFetcher(leaderId, address, this.ports);
    const source = { address, brokerEpoch: broker.epoch, fetcher };
    this.sources.set(leaderId, source);
    return source;
  }

  private addressOf(brokerId: NodeId, image: MetadataImage): Address | undefined {
    const { interBrokerListenerName } = this.ports.config;
    const listener = image
      .broker(brokerId)
      ?.listeners.find((endpoint) => endpoint.name === interBrokerListenerName);
    return listener === undefined ? undefined : { host: listener.host, port: listener.port };
  }
}
