/**
 * Which controller to talk to: the one that is said to lead, or else the configured ones in turn. Owns the
 * channels to them. It never knows for sure who is active; only an answer does.
 */
import { type Address, assert, type NodeId, type Rpc, type RpcChannel } from '@millrace/base';

export interface ControllerAddress extends Address {
  readonly id: NodeId;
}

export class ControllerLocator {
  private readonly controllers: readonly ControllerAddress[];
  private readonly rpc: Rpc;
  private readonly channels = new Map<NodeId, RpcChannel>();
  private readonly listeners = new Set<(leaderId: NodeId) => void>();
  private index = 0;
  /**
   * The last one that did not answer: others who still name it are behind the times. Its turn comes all the
   * same.
   */
  private failedId: NodeId | undefined;

  constructor(controllers: readonly ControllerAddress[], rpc: Rpc) {
    assert(controllers.length > 0, 'a broker knows at least one controller');
    this.controllers = controllers;
    this.rpc = rpc;
  }

  /** Whom to ask now. */
  current(): NodeId {
    return this.controllers[this.index]!.id;
  }

  channel(id: NodeId): RpcChannel {
    let channel = this.channels.get(id);
    if (channel === undefined) {
      const { host, port } = this.controllers.find((controller) => controller.id === id)!;
      channel = this.rpc.channel({ host, port });
      this.channels.set(id, channel);
    }
    return channel;
  }

  /** The metadata quorum elected a leader, as this broker's observer hears. Listeners move over at once. */
  leaderKnown(leaderId: NodeId): void {
    if (!this.choose(leaderId)) return;
    this.failedId = undefined;
    for (const listener of [...this.listeners]) listener(leaderId);
  }

  /** Returns how to stop listening. */
  onLeaderKnown(listener: (leaderId: NodeId) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** `id` answered that it is not the active controller; it names the one that is, or -1. */
  notController(id: NodeId, leaderId: NodeId): void {
    if (id !== this.current()) return;
    const usable = leaderId !== id && leaderId !== this.failedId;
    if (!usable || !this.choose(leaderId)) this.tryNext();
  }

  /** `id` was not reached, or did not answer. */
  failed(id: NodeId): void {
    if (id !== this.current()) return;
    this.failedId = id;
    this.tryNext();
  }

  answered(id: NodeId): void {
    if (this.failedId === id) this.failedId = undefined;
  }

  close(): void {
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
    this.listeners.clear();
  }

  private choose(id: NodeId): boolean {
    const index = this.controllers.findIndex((controller) => controller.id === id);
    if (index >= 0) this.index = index;
    return index >= 0;
  }

  private tryNext(): void {
    this.index = (this.index + 1) % this.controllers.length;
  }
}
