/**
 * The controller fences dead brokers. After the death of a broker's process, the active controller has this
 * time to decide to fence the broker: one session, plus the grace after a lost connection, plus `SLACK_US`.
 * The quorum may commit the decision later. A controller that becomes active, or that runs again after a
 * pause, has the whole time from that moment on. No controller unfences the registration of a process that
 * died more than `MESSAGE_AGE_US` before.
 */
import type { BrokerEpoch, NodeId } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';
import { type Life, MILLISECOND, type Micros, SECOND } from '../world/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'dead-broker-unfenced';
/** Interval between looks. */
const LOOK_US: Micros = 100 * MILLISECOND;
/** Allows for heartbeats under way, pauses that extend all sessions, and slow disks of the quorum. */
const SLACK_US: Micros = 5 * SECOND;
/**
 * In a drawn plan every message arrives within this time, because an incident lasts at most 15 s. A message
 * waits while a cut or a stall lasts, or while the receiving process is frozen.
 */
const MESSAGE_AGE_US: Micros = 20 * SECOND;

export const deadBrokerUnfenced: StateCheckerKind = {
  name: NAME,
  sentence:
    'after the death of a broker, the controller decides to fence it within one session, the grace time and 5 s; the controller unfences no broker that died more than 20 s ago',
  make: (scope) => new DeadBrokerUnfenced(scope),
};

class DeadBrokerUnfenced {
  private readonly scope: StateScope;
  private lookedUs: Micros = 0;
  /** The active controller, and since when it has run without a pause. */
  private active:
    | {
        readonly controller: { readonly head: MetadataImage };
        readonly epoch: number;
        readonly sinceUs: Micros;
      }
    | undefined;
  private image: MetadataImage | undefined;
  private readonly deaths = new Map<Life, Micros>();

  constructor(scope: StateScope) {
    this.scope = scope;
  }

  turn(node: SimNode): void {
    const { world, metadata } = this.scope;
    this.noteLife(node);
    if (metadata.newest !== this.image) this.imageMoved(metadata.newest);
    if (world.nowUs < this.lookedUs + LOOK_US) return;
    this.lookedUs = world.nowUs;
    this.noteActive();
    if (this.active === undefined) return;
    const patienceUs = (metadata.sessionTimeoutMs + metadata.connectionLossGraceMs) * MILLISECOND + SLACK_US;
    if (world.nowUs - this.active.sinceUs <= patienceUs) return;
    for (const { id, epoch, fenced } of metadata.newest.brokers.values()) {
      if (fenced) continue;
      // The checker demands only the decision to fence. The quorum may commit the decision later, for example
      // because syncs of the quorum block.
      const decided = this.active.controller.head.broker(id);
      if (decided?.epoch !== epoch || decided.fenced) continue;
      const deadUs = world.nowUs - (this.deathOf(id, epoch) ?? world.nowUs);
      if (deadUs > patienceUs)
        world.fail(NAME, `broker ${id} (epoch ${epoch}) is not fenced, ${deadUs / 1e6} s after its death`);
    }
  }

  private noteLife(node: SimNode): void {
    const { life } = node;
    if (life === undefined || !node.isBroker) return;
    if (this.deaths.has(life)) return;
    this.deaths.set(life, Number.POSITIVE_INFINITY);
    life.onDeath(() => this.deaths.set(life, this.scope.world.nowUs));
  }

  private noteActive(): void {
    const node = this.scope.cluster.activeController();
    const controller = node?.roles?.controller?.controller;
    const epoch = controller?.activeEpoch;
    if (controller === undefined || epoch === undefined || node?.life?.isPaused !== false)
      this.active = undefined;
    else if (this.active?.controller !== controller || this.active?.epoch !== epoch)
      this.active = { controller, epoch, sinceUs: this.scope.world.nowUs };
  }

  private imageMoved(image: MetadataImage): void {
    const before = this.image;
    this.image = image;
    if (before?.brokers === image.brokers) return;
    for (const { id, epoch, fenced } of image.brokers.values()) {
      if (fenced || before?.broker(id)?.fenced === false) continue;
      const deathUs = this.deathOf(id, epoch);
      const { nowUs } = this.scope.world;
      if (deathUs !== undefined && nowUs - deathUs > MESSAGE_AGE_US)
        this.scope.world.fail(
          NAME,
          `broker ${id} (epoch ${epoch}) was unfenced, but it died at ${deathUs / 1e6} s`,
        );
    }
  }

  /** The time of death of this epoch's process; undefined: it may be alive. */
  private deathOf(id: NodeId, epoch: BrokerEpoch): Micros | undefined {
    const node = this.scope.cluster.node(id);
    // `lives` learns an epoch when its process gets the answer to its registration. A process may die before
    // it gets this answer. So if the epoch is not in `lives` and the node is down, the node's last process
    // counts as its process.
    const life = this.scope.lives.of(epoch) ?? (node?.isUp === false ? node.host.life : undefined);
    const atUs = life === undefined ? undefined : this.deaths.get(life);
    return atUs === Number.POSITIVE_INFINITY ? undefined : atUs;
  }
}
