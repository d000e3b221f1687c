/**
 * For each name, the ids of the topics that have or had the name. Clients of old versions name topics. While
 * a topic is deleted and created again, such a client cannot know which topic an answer is about: a broker
 * that lags behind still serves the old topic. This observer knows the metadata of every broker, so histories
 * can have the id.
 */
import type { Uuid } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { Life, Micros, World } from '../world/index.ts';
import type { SimCluster } from './cluster.ts';
import type { SimNode } from './node.ts';

type Ids = MetadataImage['topics']['state']['ids'];

/** Which brokers know a topic under a name, and how long brokers knew it. */
interface Tenure {
  /** The brokers whose metadata has the topic now. */
  readonly brokers: Set<SimNode>;
  /**
   * The last time at which a broker forgot the topic, or died while it knew the topic; -1 if there is none.
   */
  lastUs: Micros;
}

export class TopicIds {
  private readonly world: World;
  private readonly byName = new Map<string, Map<Uuid, Tenure>>();
  /** The names in the metadata of each broker, and of each controller. */
  private readonly ofBroker = new Map<SimNode, Ids>();
  private readonly ofController = new Map<SimNode, Ids>();
  private readonly lives = new Map<SimNode, Life>();

  constructor(world: World, cluster: SimCluster) {
    this.world = world;
    world.watchers.push((life) => {
      const node = cluster.nodeOn(life.host);
      if (node !== undefined) this.turn(node);
    });
  }

  /**
   * The topic that had this name at some broker, at some time from `sinceUs` on. Undefined if there is none,
   * or if there are several.
   */
  named(name: string, sinceUs: Micros): Uuid | undefined {
    let found: Uuid | undefined;
    for (const [id, { brokers, lastUs }] of this.byName.get(name) ?? []) {
      if (brokers.size === 0 && lastUs < sinceUs) continue;
      if (found !== undefined) return undefined;
      found = id;
    }
    return found;
  }

  /** Every topic that has had the name, the newest last. */
  all(name: string): readonly Uuid[] {
    return [...(this.byName.get(name)?.keys() ?? [])];
  }

  private turn(node: SimNode): void {
    const { life, roles } = node;
    if (life === undefined || roles === undefined) return;
    const led = roles.controller?.controller.image.topics.state.ids;
    if (led !== undefined && led !== this.ofController.get(node)) {
      this.ofController.set(node, led);
      for (const [name, id] of led) this.tenure(name, id);
    }
    const ids = roles.broker?.metadata.image.topics.state.ids;
    if (ids === undefined || ids === this.ofBroker.get(node)) return;
    if (this.lives.get(node) !== life) {
      this.lives.set(node, life);
      life.onDeath(() => this.forget(node));
    }
    this.forget(node, ids);
    this.ofBroker.set(node, ids);
    for (const [name, id] of ids) this.tenure(name, id).brokers.add(node);
  }

  /** Notes that the broker has forgotten every topic that is not in `kept`. */
  private forget(node: SimNode, kept?: Ids): void {
    for (const [name, id] of this.ofBroker.get(node) ?? []) {
      if (kept?.get(name) === id) continue;
      const tenure = this.tenure(name, id);
      tenure.brokers.delete(node);
      tenure.lastUs = this.world.nowUs;
    }
    this.ofBroker.delete(node);
  }

  private tenure(name: string, id: Uuid): Tenure {
    const ofName = this.byName.get(name) ?? new Map<Uuid, Tenure>();
    this.byName.set(name, ofName);
    const tenure = ofName.get(id) ?? { brokers: new Set(), lastUs: -1 };
    ofName.set(id, tenure);
    return tenure;
  }
}
