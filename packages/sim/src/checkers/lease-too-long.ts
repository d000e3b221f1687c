/**
 * Checks the arithmetic of docs/leases.md exactly. T is the longest session timeout of a controller, and d is
 * the largest drift of a clock. Whenever a broker's lease is renewed:
 *
 * - The lease is no longer than T x (1 - 2d) - 1 ms, and no longer than the broker's own session timeout S.
 * - The session of the broker at the active controller ends later than the lease, even if from now on the
 *   clock of the broker is slow by d and the clock of the controller is fast by d. The active controller is
 *   the one that became active in the highest epoch. Two cases are exempt. If the process of this controller
 *   has ended, no controller has the session. If the controller has lost the broker's stream, the session has
 *   at most broker.session.loss.grace.ms left.
 *
 * Rule 4 of that page: if a broker was unfenced when a new controller became active, the new controller does
 * not end the broker's session for silence during the next S / (1 - 2d). The reason: an earlier controller
 * may have granted a lease of S.
 *
 * The checker reads clocks in microseconds, so it needs no tolerance.
 */
import type { BrokerEpoch, Millis, NodeId } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';
import { type Life, MILLISECOND, type Micros } from '../world/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'lease-too-long';
/** The largest drift of a clock that leases allow, as a fraction of true time. */
const DRIFT_MAX = 0.001;

export const leaseTooLong: StateCheckerKind = {
  name: NAME,
  sentence:
    "every lease ends before the broker's session at the active controller, even if both clocks drift by their limit",
  make: (scope) => new LeaseTooLong(scope),
};

/** The length of the longest lease of a controller with this session timeout. */
export function longestLeaseMs(sessionTimeoutMs: Millis): Millis {
  return Math.floor(sessionTimeoutMs * (1 - 2 * DRIFT_MAX)) - 1;
}

interface Activation {
  readonly epoch: number;
  readonly atUs: Micros;
  /** The brokers that were unfenced then, with their epochs and session timeouts. */
  readonly brokers: ReadonlyMap<NodeId, { readonly epoch: BrokerEpoch; readonly sessionTimeoutMs: Millis }>;
}

class LeaseTooLong {
  private readonly scope: StateScope;
  /** By process, the end of its lease by its own clock. */
  private readonly ends = new Map<Life, Millis>();
  /** By broker epoch, the broker's session timeout S. Two processes with one id have different epochs. */
  private readonly ownTimeouts = new Map<BrokerEpoch, Millis>();
  private readonly activations = new Map<Life, Activation>();
  /** The highest epoch in which a controller became active. */
  private newestEpoch = -1;

  constructor(scope: StateScope) {
    this.scope = scope;
    scope.world.logWatchers.push((life, event, { brokerId, reason }) => {
      if (event === 'broker-session-ended' && reason === 'silent')
        this.sessionEnded(life, brokerId as NodeId);
    });
  }

  committed(before: MetadataImage, { brokers }: MetadataImage): void {
    if (before.brokers === brokers) return;
    for (const { epoch, sessionTimeoutMs } of brokers.values()) this.ownTimeouts.set(epoch, sessionTimeoutMs);
  }

  turn(node: SimNode): void {
    const { life, roles } = node;
    if (life === undefined || roles === undefined) return;
    if (roles.controller !== undefined) this.noteActivation(life, roles.controller.controller);
    const leaseMs = roles.broker?.replicas.leaseMs ?? 0;
    if (leaseMs === 0) return;
    const endMs = leaseMs + life.clock.monotonicMs();
    if (this.ends.get(life) === endMs) return;
    this.ends.set(life, endMs);
    this.renewed(node, endMs * MILLISECOND - ownUs(life));
  }

  private renewed(node: SimNode, leftUs: Micros): void {
    const { metadata, cluster } = this.scope;
    const broker = node.roles!.broker!.replicas;
    const own = this.ownTimeouts.get(broker.brokerEpoch) ?? Number.POSITIVE_INFINITY;
    const longest = Math.min(longestLeaseMs(metadata.sessionTimeoutMs), own);
    if (leftUs > longest * MILLISECOND)
      this.fail(`${node.name} gets a lease that lasts ${leftUs / 1e6} s, longer than ${longest / 1e3} s`);
    const active = cluster.activeController();
    const controller = active?.roles?.controller?.controller;
    if (active?.life === undefined || controller?.isActive !== true) return;
    // A deposed controller may still believe that it is active, but it grants no lease. Its successor granted
    // this lease. The successor may have ended since, and may have committed no metadata.
    if (controller.activeEpoch! < this.newestEpoch) return;
    if (controller.head.broker(node.id)?.epoch !== broker.brokerEpoch) return;
    const nowUs = ownUs(active.life);
    const expiresAt = controller.sessions.expiresAt(node.id) ?? Number.NEGATIVE_INFINITY;
    const isLiveIn = (us: Micros) => expiresAt > Math.floor((nowUs + us) / MILLISECOND);
    if (!isLiveIn(controller.config.connectionLossGraceMs * MILLISECOND)) return;
    if (!isLiveIn((leftUs * (1 + DRIFT_MAX)) / (1 - DRIFT_MAX)))
      this.fail(
        `${node.name} gets a lease that lasts ${leftUs / 1e6} s, but its session at ${active.name} may end before`,
      );
  }

  private noteActivation(
    life: Life,
    controller: { readonly activeEpoch: number | undefined; readonly head: MetadataImage },
  ): void {
    const { activeEpoch: epoch, head } = controller;
    if (this.activations.get(life)?.epoch === epoch) return;
    if (epoch === undefined) this.activations.delete(life);
    else {
      const alive = head.sortedBrokers().filter(({ fenced }) => !fenced);
      const brokers = new Map(alive.map((broker) => [broker.id, broker]));
      this.activations.set(life, { epoch, atUs: ownUs(life), brokers });
      this.newestEpoch = Math.max(this.newestEpoch, epoch);
    }
  }

  private sessionEnded(life: Life, id: NodeId): void {
    const activation = this.activations.get(life);
    const broker = activation?.brokers.get(id);
    if (activation === undefined || broker === undefined) return;
    // The session may belong to a later process of the broker. The registration of this process may not be
    // committed yet, so the checker looks at the controller's head.
    const controller = this.scope.cluster.nodeOn(life.host)?.roles?.controller?.controller;
    if (controller?.head.broker(id)?.epoch !== broker.epoch) return;
    const lastedUs = ownUs(life) - activation.atUs;
    const neededMs = Math.ceil(broker.sessionTimeoutMs / (1 - 2 * DRIFT_MAX));
    if (lastedUs < neededMs * MILLISECOND)
      this.fail(
        `${life.host.name} ends the session of broker ${id} ${lastedUs / 1e6} s after it became active, but an earlier lease may last ${broker.sessionTimeoutMs / 1e3} s`,
      );
  }

  private fail(what: string): never {
    this.scope.world.fail(NAME, what);
  }
}

/** The time on the monotonic clock of the process, in microseconds. */
function ownUs({ world, bornUs, host }: Life): Micros {
  const us = world.nowUs - bornUs;
  return us + Math.floor((us * host.driftPpm) / 1_000_000);
}
