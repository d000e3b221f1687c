/**
 * Chooses the controller to ask: the reported leader, or else the configured controllers in turn. Owns the
 * channels to the controllers. The choice may be wrong: only an answer proves which controller is active.
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
   * The last controller that did not answer. The locator ignores a hint that names it, because the hint may
   * be old. The failed controller still gets its turn.
   */
  private failedId: NodeId | undefined;

  constructor(controllers: readonly ControllerAddress[], rpc: Rpc) {
    assert(controllers.length > 0, 'a broker knows at least one controller');
    this.controllers = controllers;
    this.rpc = rpc;
  }

  /** The controller to ask now. */
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

  /**
   * Called when this node learned that the metadata quorum elected a leader. If the leader is a configured
   * controller, the locator chooses it and calls the listeners of `onLeaderKnown`.
   */
  leaderKnown(leaderId: NodeId): void {
    if (!this.choose(leaderId)) return;
    this.failedId = undefined;
    for (const listener of [...this.listeners]) listener(leaderId);
  }

  /** Returns a function that removes the listener. */
  onLeaderKnown(listener: (leaderId: NodeId) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Called when controller `id` answered that it is not active. Chooses `leaderId`, the controller that the
   * answer names. If it names none (-1), or one that cannot be chosen, tries the next configured controller.
   */
  notController(id: NodeId, leaderId: NodeId): void {
    if (id !== this.current()) return;
    const usable = leaderId !== id && leaderId !== this.failedId;
    if (!usable || !this.choose(leaderId)) this.tryNext();
  }

  /**
   * Called when controller `id` could not be reached, or did not answer. Tries the next configured
   * controller.
   */
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
