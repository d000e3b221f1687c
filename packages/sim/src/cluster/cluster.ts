/**
 * The whole cluster, and a view of what its nodes know: leaders, committed metadata, places of replicas. The
 * view reads the objects of all nodes, and never changes them.
 */
import type { NodeId, Uuid } from '@millrace/base';
import { MetadataImage, type PartitionImage } from '@millrace/metadata';
import type { CompressionCodecs } from '@millrace/protocol';
import type { Partition } from '@millrace/replication';
import type { Network } from '../net/index.ts';
import type { Host, World } from '../world/index.ts';
import { BROKER_PORT, CONTROLLER_PORT, type NodePlan, SimNode } from './node.ts';

export interface ClusterPlan {
  readonly controllers: number;
  readonly brokers: number;
  /** True: the first nodes are both controller and broker, and `brokers` counts them, too. */
  readonly combined: boolean;
  readonly settings: Readonly<Record<string, string>>;
  /** The settings of single nodes, by node id. They override `settings` there. */
  readonly nodeSettings?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  /** The soft limit of one fetch response of the quorum, in bytes; undefined: the limit of production. */
  readonly quorumFetchMaxBytes?: number | undefined;
  /** A batch whose check costs more than this is checked in a job; undefined: the limit of production. */
  readonly loopWorkMax?: number | undefined;
}

export interface PartitionPlace {
  readonly topicId: Uuid;
  readonly topic: string;
  readonly partition: number;
  readonly image: PartitionImage;
}

export class SimCluster {
  readonly world: World;
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly controllers: readonly SimNode[];
  readonly brokers: readonly SimNode[];
  /** Machines on which a fault runs a second process with the id of a node. They are not among `nodes`. */
  readonly standIns: SimNode[] = [];
  private readonly byHost: Map<Host, SimNode>;
  /** The last image whose partitions were listed, and the list. */
  private listedImage: MetadataImage | undefined;
  private listed: readonly PartitionPlace[] = [];

  constructor(world: World, network: Network, codecs: CompressionCodecs, plan: ClusterPlan) {
    this.world = world;
    this.network = network;
    const plans = nodePlans(plan);
    const voters = plans
      .filter(({ role }) => role !== 'broker')
      .map(({ id, name }) => `${id}@${name}:${CONTROLLER_PORT}`)
      .join(',');
    const { settings, nodeSettings, loopWorkMax, quorumFetchMaxBytes } = plan;
    const limits = { loopWorkMax, quorumFetchMaxBytes };
    const environment = { world, network, codecs, voters, ...limits };
    this.nodes = plans.map(
      (one) => new SimNode(environment, one, { ...settings, ...nodeSettings?.[one.id] }),
    );
    this.controllers = this.nodes.filter((node) => node.isController);
    this.brokers = this.nodes.filter((node) => node.isBroker);
    this.byHost = new Map(this.nodes.map((node) => [node.host, node]));
  }

  get bootstrap(): { host: string; port: number }[] {
    return this.brokers.map(({ name }) => ({ host: name, port: BROKER_PORT }));
  }

  /**
   * The node with this id. The ids of `nodes` are 1, 2 and so on, in this order. Returns a stand-in while the
   * stand-in knows a newer registration of this id than the node.
   */
  node(id: NodeId): SimNode | undefined {
    let holder = this.nodes[id - 1];
    for (const one of this.standIns)
      if (one.id === id && brokerEpochOf(one) > brokerEpochOf(holder)) holder = one;
    return holder;
  }

  /** The node or the stand-in of this machine. Undefined: the machine has neither. */
  nodeOn(host: Host): SimNode | undefined {
    return this.byHost.get(host);
  }

  /** Adds a machine for a second process with the id and the settings of this node. Its disk is empty. */
  addStandIn(node: SimNode, name: string): SimNode {
    const standIn = node.twin(name);
    this.standIns.push(standIn);
    this.byHost.set(standIn.host, standIn);
    return standIn;
  }

  /** Ends the process of the stand-in for good. */
  removeStandIn(standIn: SimNode): void {
    standIn.isGone = true;
    standIn.kill('process');
    this.standIns.splice(this.standIns.indexOf(standIn), 1);
  }

  /** The controller with the highest epoch among those that believe that they lead the quorum. */
  activeController(): SimNode | undefined {
    let best: SimNode | undefined;
    let bestEpoch = -1;
    for (const node of this.controllers) {
      const raft = node.roles?.controller?.quorum?.node;
      if (raft === undefined || raft.role !== 'leader' || raft.epoch <= bestEpoch) continue;
      best = node;
      bestEpoch = raft.epoch;
    }
    return best;
  }

  /** The newest committed metadata that any live controller has replayed. */
  image(): MetadataImage {
    let best = MetadataImage.EMPTY;
    for (const node of this.controllers) {
      const image = node.roles?.controller?.controller.image;
      if (image !== undefined && image.offset > best.offset) best = image;
    }
    return best;
  }

  partitions(image: MetadataImage = this.image()): readonly PartitionPlace[] {
    if (image !== this.listedImage) {
      this.listed = placesOf(image);
      this.listedImage = image;
    }
    return this.listed;
  }

  /** The product's own object for this replica, on a running node. */
  replica(node: SimNode, topicId: Uuid, partition: number): Partition | undefined {
    return node.roles?.broker?.replicas.partition(topicId, partition);
  }
}

function placesOf(image: MetadataImage): PartitionPlace[] {
  const places: PartitionPlace[] = [];
  for (const name of image.topicNames) {
    const { id, partitions } = image.topic(name)!;
    partitions.forEach((partition, index) => {
      places.push({ topicId: id, topic: name, partition: index, image: partition });
    });
  }
  return places;
}

/** The broker epoch that the process knows; -1: none. */
function brokerEpochOf(node: SimNode | undefined): number {
  return node?.roles?.broker?.replicas.brokerEpoch ?? -1;
}

function nodePlans(plan: ClusterPlan): NodePlan[] {
  const combined = plan.combined ? plan.controllers : 0;
  const total = plan.combined ? Math.max(plan.brokers, plan.controllers) : plan.controllers + plan.brokers;
  return Array.from({ length: total }, (_unused, index): NodePlan => {
    const id = index + 1;
    if (index < combined) return { id, name: `n${id}`, role: 'combined' };
    return index < plan.controllers
      ? { id, name: `c${id}`, role: 'controller' }
      : { id, name: `b${id}`, role: 'broker' };
  });
}
