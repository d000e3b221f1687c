/**
 * A node with its roles, composed over the seams: controller, broker, or both in one process. Owns the order
 * of the roles: the controller starts first and stops last. In a combined node the local quorum passes
 * committed records to the broker.
 */
import type { Uuid } from '@millrace/base';
import type { LogDirectory } from '@millrace/log';
import type { MetadataImage } from '@millrace/metadata';
import type { BrokerRole, BrokerRoleEvents } from './broker-role.ts';
import type { ControllerRole, ControllerRoleEvents } from './controller-role.ts';

export interface NodeRoleEvents {
  /** Called when every role serves: a controller listens, a broker is unfenced. May be called again. */
  ready(): void;
  imageChanged(image: MetadataImage): void;
  /** Called when the node must stop. */
  failed(message: string): void;
  /**
   * Called when the node must stop, because its data folder belongs to another cluster. `reason` is a part of
   * a sentence, not a whole one.
   */
  foreignFolder(reason: string): void;
}

/**
 * For each role, the host passes a function that creates it. So a process loads only the code of its roles.
 */
export interface NodeRoleOptions {
  readonly logs: LogDirectory;
  readonly controller: ((events: ControllerRoleEvents) => ControllerRole) | undefined;
  readonly broker: ((events: BrokerRoleEvents, hasLocalQuorum: boolean) => BrokerRole) | undefined;
  readonly events: NodeRoleEvents;
}

export class NodeRole {
  readonly controller: ControllerRole | undefined;
  readonly broker: BrokerRole | undefined;
  private readonly options: NodeRoleOptions;

  constructor(options: NodeRoleOptions) {
    const { events } = options;
    this.options = options;
    this.broker = options.broker?.(
      {
        serving: () => events.ready(),
        imageChanged: (image) => events.imageChanged(image),
        failed: (message) => events.failed(message),
        foreignFolder: (reason) => events.foreignFolder(reason),
      },
      options.controller !== undefined,
    );
    this.controller = options.controller?.({
      failed: (message) => events.failed(message),
      clusterIdKnown: (id) => this.clusterIdKnown(id),
      committed: (batches) => this.broker?.committed(batches),
      snapshotInstalled: (image) => this.broker?.installSnapshot(image),
      leaderChanged: (leader) => this.broker?.leaderChanged(leader),
    });
  }

  start(done: (error?: Error) => void): void {
    const startBroker = () => {
      if (this.broker === undefined) {
        done();
        this.options.events.ready();
      } else this.broker.start(done);
    };
    if (this.controller === undefined) startBroker();
    else this.controller.start((error) => (error === undefined ? startBroker() : done(error)));
  }

  /** Whether every role can work now: the quorum has a leader, and the broker is unfenced. */
  get isHealthy(): boolean {
    return this.controller?.knowsLeader !== false && this.broker?.isUnfenced !== false;
  }

  /** What this node cannot do now, although it is healthy. Each value is the reason, for a user. */
  get troubles(): { readonly refusesProduce?: string } {
    const shortage = this.broker?.replicas.shortage;
    return shortage === undefined ? {} : { refusesProduce: shortage };
  }

  /** What this node still has to do before it is ready. */
  get progress(): { readonly logsToOpen?: number } {
    const logsToOpen = this.broker?.replicas.logsToOpen ?? 0;
    return logsToOpen === 0 ? {} : { logsToOpen };
  }

  stop(done: () => void): void {
    this.end('stop', 'stop', done);
  }

  /** Ends like a crash, as far as one process can: no role announces its end. */
  kill(done: () => void): void {
    this.end('kill', 'kill', done);
  }

  /**
   * Call this after a role has failed. The broker ends like a crash; the controller hands over its
   * leadership.
   */
  abort(done: () => void): void {
    this.end('kill', 'stop', done);
  }

  private end(broker: 'stop' | 'kill', controller: 'stop' | 'kill', done: () => void): void {
    const endController = () => {
      if (this.controller === undefined) done();
      else this.controller[controller](done);
    };
    if (this.broker === undefined) endController();
    else this.broker[broker](endController);
  }

  private clusterIdKnown(id: Uuid): void {
    if (this.broker !== undefined) {
      this.broker.clusterIdKnown(id);
      return;
    }
    const problem = this.options.logs.adoptClusterId(id);
    if (problem !== undefined) this.options.events.failed(problem);
  }
}
