/**
 * Two live processes never take a broker id from each other. The active controller registers another process
 * under the id of a registered broker only after one of these events: the control stream or the session of
 * the earlier process ended, the earlier process began its controlled shutdown, or the controller became
 * active.
 */
import type { NodeId } from '@millrace/base';
import type { MetadataImage } from '@millrace/metadata';
import type { SimNode } from '../cluster/index.ts';
import type { Life } from '../world/index.ts';
import type { StateCheckerKind, StateScope } from './checker.ts';

const NAME = 'live-broker-replaced';
/** The controller logs these events, each with the id of the broker. */
const ENDS: ReadonlySet<string> = new Set(['broker-session-closed', 'broker-session-ended']);

export const liveBrokerReplaced: StateCheckerKind = {
  name: NAME,
  sentence:
    'the controller gives a broker id to another process only after a failover, or after the end of the control stream, the session or the service of the earlier process',
  make: (scope) => new LiveBrokerReplaced(scope),
};

/** What an active controller has decided. */
interface Reign {
  readonly epoch: number;
  brokers: MetadataImage['brokers'];
  /** The brokers whose control stream or session has ended since their last registration here. */
  readonly ended: Set<NodeId>;
}

class LiveBrokerReplaced {
  private readonly scope: StateScope;
  private readonly reigns = new Map<Life, Reign>();

  constructor(scope: StateScope) {
    this.scope = scope;
    scope.world.logWatchers.push((life, event, { brokerId }) => {
      if (ENDS.has(event)) this.reigns.get(life)?.ended.add(brokerId as NodeId);
    });
  }

  turn({ name, life, roles }: SimNode): void {
    const controller = roles?.controller?.controller;
    const epoch = controller?.activeEpoch;
    if (life === undefined || controller === undefined || epoch === undefined) return;
    const { brokers } = controller.head;
    const reign = this.reigns.get(life);
    if (reign?.epoch !== epoch) {
      const ended = new Set(controller.head.sortedBrokers().map(({ id }) => id));
      this.reigns.set(life, { epoch, brokers, ended });
      return;
    }
    if (reign.brokers === brokers) return;
    for (const { id, epoch: brokerEpoch, incarnationId } of controller.head.sortedBrokers()) {
      const before = reign.brokers.get(id);
      if (before === undefined || before.incarnationId === incarnationId) continue;
      if (!reign.ended.delete(id) && !before.inControlledShutdown)
        this.scope.world.fail(
          NAME,
          `${name} registers another process as broker ${id} (epoch ${brokerEpoch}), and has heard no end of the earlier one (epoch ${before.epoch})`,
        );
    }
    reign.brokers = brokers;
  }
}
