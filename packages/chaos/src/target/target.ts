/**
 * A cluster that the command breaks. A target says what it can do, so that a scenario which needs more is
 * refused before the run begins.
 */
import type { NodeId } from '@millrace/base';

export interface TargetNode {
  readonly id: NodeId;
  readonly role: 'broker' | 'controller';
  /** The node's own port on loopback; clients and other nodes use the port of its proxy, if there is one. */
  readonly port: number;
}

export type NodeState = 'running' | 'paused' | 'stopped';

export interface ChaosTarget {
  /** For example `Millrace` or `Apache Kafka 4.3.1`. */
  readonly name: string;
  readonly bootstrapServers: string;
  readonly nodes: readonly TargetNode[];
  /** Empty for an attached cluster. */
  readonly abilities: ReadonlySet<Ability>;
  stateOf(id: NodeId): NodeState;
  /** Kills the nodes at once with SIGKILL, and waits until they have ended. */
  kill(ids: readonly NodeId[]): Promise<void>;
  /** SIGSTOP. */
  pause(ids: readonly NodeId[]): Promise<void>;
  /** SIGCONT. */
  resume(ids: readonly NodeId[]): Promise<void>;
  /** SIGTERM: the node hands over its leaderships. Resolves when it has ended. */
  stop(ids: readonly NodeId[]): Promise<void>;
  /** Starts stopped nodes. Resolves when each of them serves. */
  start(ids: readonly NodeId[]): Promise<void>;
  /** The folder of the node's logs. Undefined: the target cannot reach it. */
  dataFolder(id: NodeId): string | undefined;
  /** The network between nodes, and between clients and nodes. Undefined: the target cannot change it. */
  readonly links: Links | undefined;
  /** Ends the cluster, and removes its files unless `keep`. */
  close(keep: boolean): Promise<void>;
}

/** `processes`: kill, pause, stop, start. `links`: the network. `files`: data folders of stopped nodes. */
export type Ability = 'processes' | 'links' | 'files';

/** One end of a link: a node, or every client together. */
export type LinkEnd = NodeId | 'clients';

/** What a link does with the bytes of one direction. */
export interface LinkRule {
  /**
   * `open`: passes the bytes on. `cut`: breaks connections and accepts none. `silent`: keeps connections, and
   * accepts new ones, but holds their bytes back, like a host that is gone without a word.
   */
  readonly state: 'open' | 'cut' | 'silent';
  /** Delays every byte by this time. */
  readonly delayMs?: number;
  /** Passes at most this many bytes a second on. */
  readonly bytesPerSecond?: number;
}

export interface Links {
  /** Sets the rule for the bytes that `from` sends to `to`. */
  set(from: LinkEnd, to: LinkEnd, rule: LinkRule): void;
  /** Opens every link. */
  heal(): void;
}
