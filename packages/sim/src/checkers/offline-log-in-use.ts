/**
 * A replica whose log goes offline leaves its roles within the same turn. An offline log accepts no writes
 * and no reads. A leader that kept its role would serve nobody until its next append, and a follower would
 * stay in the ISR.
 *
 * A process that stops is exempt: it has handed over its leaderships, and closes its logs soon.
 */
import type { SimNode } from '../cluster/index.ts';
import type { Host } from '../world/index.ts';
import type { StateChecker, StateCheckerKind, StateScope } from './checker.ts';
import { hostedReplicas } from './hosted-replicas.ts';

const NAME = 'offline-log-in-use';

export const offlineLogInUse: StateCheckerKind = {
  name: NAME,
  sentence: 'a replica whose log goes offline leads and follows no longer',
  make: (scope) => new OfflineLogInUse(scope),
};

class OfflineLogInUse implements StateChecker {
  private readonly scope: StateScope;
  /** The machines on which a log went offline since their last turn ended. */
  private readonly hosts = new Set<Host>();

  constructor(scope: StateScope) {
    this.scope = scope;
    scope.world.logWatchers.push(({ host }, event) => {
      if (event === 'log-went-offline') this.hosts.add(host);
    });
  }

  turn(node: SimNode): void {
    if (this.hosts.size === 0 || !this.hosts.delete(node.host) || node.isStopping) return;
    for (const { log, isOffline, role, topic, index } of hostedReplicas(node)) {
      if (log.offline === undefined || isOffline) continue;
      const does = role === 'leader' ? 'leads' : 'follows';
      this.scope.world.fail(NAME, `${node.name} still ${does} ${topic}-${index}, but the log is offline`);
    }
  }
}
