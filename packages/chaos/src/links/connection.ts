/** A connection through the proxy of a node: a socket of the peer, a socket to the node, two directions. */
import type { Socket } from 'node:net';
import type { NodeId } from '@millrace/base';
import type { LinkEnd } from '../target/target.ts';
import { Direction } from './direction.ts';
import { reset } from './reset.ts';
import type { RuleTable } from './rules.ts';

export class Connection {
  readonly #node: NodeId;
  readonly #rules: RuleTable;
  readonly #peerSocket: Socket;
  readonly #toNode: Direction;
  readonly #toPeer: Direction;
  readonly #closed: () => void;
  #nodeSocket: Socket | undefined;
  #peer: LinkEnd;
  #openSockets = 0;
  #isReset = false;

  /**
   * `peerSocket`: an accepted socket that nobody has read from. `connectToNode`: opens a socket to the node.
   * `closed`: both sockets have closed.
   */
  constructor(
    node: NodeId,
    peer: LinkEnd,
    rules: RuleTable,
    peerSocket: Socket,
    connectToNode: () => Socket,
    closed: () => void,
  ) {
    this.#node = node;
    this.#peer = peer;
    this.#rules = rules;
    this.#peerSocket = peerSocket;
    this.#closed = closed;
    const toNodeLink = () => rules.link(this.#peer, node);
    const toPeerLink = () => rules.link(node, this.#peer);
    this.#toNode = new Direction(toNodeLink, () => this.#openNodeSocket(connectToNode()));
    this.#toPeer = new Direction(toPeerLink, () => peerSocket);
    this.#watch(peerSocket);
    this.#toPeer.writeTo(peerSocket);
    if (this.#isCut()) {
      this.reset();
      return;
    }
    this.#toNode.open();
    this.#toNode.readFrom(peerSocket);
  }

  get peer(): LinkEnd {
    return this.#peer;
  }

  /** The rules of another peer hold from now on. */
  set peer(peer: LinkEnd) {
    this.#peer = peer;
    this.rulesChanged();
  }

  /** A connection needs both directions, so it breaks when one of them is cut. */
  rulesChanged(): void {
    if (this.#isCut()) {
      this.reset();
    } else {
      this.#toNode.pass();
      this.#toPeer.pass();
    }
  }

  /** Resets the connection at both ends. Bytes that it holds are lost. */
  reset(): void {
    this.#isReset = true;
    this.#toNode.close();
    this.#toPeer.close();
    reset(this.#peerSocket);
    if (this.#nodeSocket !== undefined) reset(this.#nodeSocket);
    this.#reportClosed();
  }

  #isCut(): boolean {
    const links = [this.#rules.link(this.#peer, this.#node), this.#rules.link(this.#node, this.#peer)];
    return links.some((link) => link.rule.state === 'cut');
  }

  #openNodeSocket(socket: Socket): Socket {
    this.#nodeSocket = socket;
    this.#watch(socket);
    this.#toPeer.readFrom(socket);
    return socket;
  }

  #watch(socket: Socket): void {
    // The event 'close' follows, and the direction that reads the socket passes it on.
    socket.on('error', () => {});
    this.#openSockets++;
    socket.on('close', () => {
      this.#openSockets--;
      this.#reportClosed();
    });
  }

  /** While a silent link holds the opening back, the connection outlives the peer's socket. */
  #reportClosed(): void {
    if (this.#openSockets === 0 && (this.#nodeSocket !== undefined || this.#isReset)) this.#closed();
  }
}
