/**
 * Two live processes never take a broker id from each other. The active controller registers another process
 * under the id of a registered broker only after one of these events: the control stream or the session of
 * the earlier process ended, the earlier process began its controlled shutdown, or the controller became
 * active. When the earlier process contacts the controller again, the end of its stream or session, or the
 * activation of the controller, no longer counts.
 */
import type { Millis, NodeId } from '@millrace/base';
import type { Controller } from '@millrace/controller';
import type { MetadataImage } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';
import type { Life } from '../world/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'live-broker-replaced';
/** The controller logs these events, each with the id of the broker. */
const ENDS: ReadonlySet<string> = new Set(['broker-session-closed', 'broker-session-ended']);
const NO_SESSION = Number.NEGATIVE_INFINITY;

export const liveBrokerReplaced: StateCheckerKind = {
  name: NAME,
  sentence:
    'the controller gives the id of a broker to another process only in three cases: the broker shuts down, a failover has made this controller active, or the control stream or the session of the broker has ended; the last two cases end when the broker contacts this controller again',
  make: (scope) => new LiveBrokerReplaced(scope),
};

/** What the checker knows of an active controller. */
interface Reign {
  readonly epoch: number;
  brokers: MetadataImage['brokers'];
  /**
   * The brokers whose id another process may take: those that have not contacted this controller since it
   * became active, and those whose control stream or session has ended since their last contact. The value is
   * the time at which the broker's session ends, as the checker saw it after the controller's last turn. The
   * value is undefined until the first such look.
   */
  readonly ended: Map<NodeId, Millis | undefined>;
  /**
   * The time at which the earliest of all sessions ends, as the checker saw it after the controller's last
   * turn.
   */
  nextExpiry: Millis;
}

class LiveBrokerReplaced {
  private readonly scope: StateScope;
  private readonly reigns = new Map<Life, Reign>();

  constructor(scope: StateScope) {
    this.scope = scope;
    scope.world.logWatchers.push((life, event, { brokerId }) => {
      if (ENDS.has(event)) this.reigns.get(life)?.ended.set(brokerId as NodeId, undefined);
    });
  }

  turn({ name, life, roles }: SimNode): void {
    const controller = roles?.controller?.controller;
    const epoch = controller?.activeEpoch;
    if (life === undefined || controller === undefined || epoch === undefined) return;
    const { brokers } = controller.head;
    const before = this.reigns.get(life);
    if (before?.epoch !== epoch) {
      const ended = new Map(controller.head.sortedBrokers().map(({ id }) => [id, undefined]));
      const reign: Reign = { epoch, brokers, ended, nextExpiry: NO_SESSION };
      this.reigns.set(life, reign);
      noteContacts(reign, controller, life);
      return;
    }
    if (before.brokers !== brokers) this.compare(name, before, controller.head);
    if (before.ended.size > 0) noteContacts(before, controller, life);
  }

  private compare(name: string, reign: Reign, head: MetadataImage): void {
    for (const { id, epoch: brokerEpoch, incarnationId } of head.sortedBrokers()) {
      const before = reign.brokers.get(id);
      if (before === undefined || before.incarnationId === incarnationId) continue;
      if (!reign.ended.delete(id) && !before.inControlledShutdown)
        this.scope.world.fail(
          NAME,
          `${name} registers another process as broker ${id} (epoch ${brokerEpoch}), but does not know that the earlier one (epoch ${before.epoch}) has ended`,
        );
    }
    reign.brokers = head.brokers;
  }
}

/**
 * Removes from `ended` the brokers that have contacted the controller. A contact moves the end of the
 * broker's session to a later time. The controller itself may also move the ends of sessions, when its timer
 * is late and the earliest session is over. So in a turn in which the earliest session is over, a later end
 * does not count as a contact. The checker then notices the next contact of the broker.
 */
function noteContacts(reign: Reign, { sessions }: Controller, { clock }: Life): void {
  const now = clock.monotonicMs();
  const mayBePutOff = reign.nextExpiry <= now;
  for (const [id, before] of reign.ended) {
    const expiresAt = sessions.expiresAt(id) ?? NO_SESSION;
    if (before !== undefined && expiresAt > before && !mayBePutOff) reign.ended.delete(id);
    else reign.ended.set(id, expiresAt);
  }
  reign.nextExpiry = sessions.nextExpiry() ?? Number.POSITIVE_INFINITY;
}
