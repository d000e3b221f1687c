/**
 * For each name, the ids of the topics that have or had the name. Clients of old versions name topics. When a
 * topic is deleted and created again, such a client cannot know which topic an answer is about: a broker that
 * lags behind still serves the old topic. This observer knows the metadata of every broker. So the simulator
 * can write the topic's id into the history.
 */
import type { Uuid } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { Host, Life, Micros, World } from '../world/index.ts';
import type { SimCluster } from './cluster.ts';
import type { SimNode } from './node.ts';

type Ids = MetadataImage['topics']['state']['ids'];

/** Which brokers know a topic under a name, and until when other brokers knew it. */
interface Tenure {
  /** The brokers whose metadata has the topic now. */
  readonly brokers: Set<SimNode>;
  /** The last time at which a broker learned of the topic; -1 if there is none. */
  learnedUs: Micros;
  /**
   * The last time at which a broker forgot the topic, or died while it knew the topic; -1 if there is none.
   */
  lastUs: Micros;
}

/** What the metadata of one node said when the observer last looked. */
interface Known {
  readonly node: SimNode;
  /** The names in the metadata of the broker, and of the controller. */
  ofBroker: Ids | undefined;
  ofController: Ids | undefined;
  /** The last process whose broker had metadata. */
  life: Life | undefined;
}

export class TopicIds {
  private readonly world: World;
  private readonly byName = new Map<string, Map<Uuid, Tenure>>();
  private readonly byHost = new Map<Host, Known>();

  constructor(world: World, cluster: SimCluster) {
    this.world = world;
    world.watchers.push((life) => {
      const known = this.byHost.get(life.host) ?? this.meet(cluster.nodeOn(life.host));
      if (known !== undefined) this.turn(known);
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

  /**
   * The topic whose committed offsets a coordinator showed for this name, at some time from `sinceUs` on.
   * Undefined if `named` returns undefined. Also undefined if another topic had the name before, and some
   * broker knew no topic of the name in this time: if this broker is the coordinator, it still shows the
   * offsets of the earlier topic.
   */
  ofOffsets(name: string, sinceUs: Micros): Uuid | undefined {
    const found = this.named(name, sinceUs);
    const tenures = this.byName.get(name);
    if (found === undefined || found === tenures?.keys().next().value) return found;
    const wasUnknown = tenures!.get(found)!.learnedUs >= sinceUs || this.isUnknown(name);
    return wasUnknown ? undefined : found;
  }

  /** Whether a living broker knows no topic of this name. */
  private isUnknown(name: string): boolean {
    return [...this.byHost.values()].some(({ ofBroker }) => ofBroker !== undefined && !ofBroker.has(name));
  }

  /** Every topic that has had the name, the newest last. */
  all(name: string): readonly Uuid[] {
    return [...(this.byName.get(name)?.keys() ?? [])];
  }

  private meet(node: SimNode | undefined): Known | undefined {
    if (node === undefined) return undefined;
    const known: Known = { node, ofBroker: undefined, ofController: undefined, life: undefined };
    this.byHost.set(node.host, known);
    return known;
  }

  private turn(known: Known): void {
    const { node } = known;
    const { life, roles } = node;
    if (life === undefined || roles === undefined) return;
    const led = roles.controller?.controller.image.topics.state.ids;
    if (led !== undefined && led !== known.ofController) {
      known.ofController = led;
      for (const [name, id] of led) this.tenure(name, id);
    }
    const ids = roles.broker?.metadata.image.topics.state.ids;
    if (ids === undefined || ids === known.ofBroker) return;
    if (known.life !== life) {
      known.life = life;
      life.onDeath(() => this.forget(known));
    }
    this.forget(known, ids);
    known.ofBroker = ids;
    for (const [name, id] of ids) {
      const tenure = this.tenure(name, id);
      if (!tenure.brokers.has(node)) tenure.learnedUs = this.world.nowUs;
      tenure.brokers.add(node);
    }
  }

  /** Notes that the broker no longer knows the topics that it knew before, except those in `kept`. */
  private forget(known: Known, kept?: Ids): void {
    for (const [name, id] of known.ofBroker ?? []) {
      if (kept?.get(name) === id) continue;
      const tenure = this.tenure(name, id);
      tenure.brokers.delete(known.node);
      tenure.lastUs = this.world.nowUs;
    }
    known.ofBroker = undefined;
  }

  private tenure(name: string, id: Uuid): Tenure {
    const ofName = this.byName.get(name) ?? new Map<Uuid, Tenure>();
    this.byName.set(name, ofName);
    const tenure = ofName.get(id) ?? { brokers: new Set(), learnedUs: -1, lastUs: -1 };
    ofName.set(id, tenure);
    return tenure;
  }
}
