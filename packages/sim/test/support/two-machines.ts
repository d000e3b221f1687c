/** A client and a server on two simulated machines, for tests of the network. */
import type { RpcChannel, RpcService, Stream, StreamHandler } from '@millrace/base';
import { Network, type NetworkOptions } from '../../src/net/index.ts';
import { Host, type Life, MILLISECOND, World } from '../../src/world/index.ts';

const OPTIONS: NetworkOptions = {
  delayUs: 100,
  jitterUs: 0,
  bytesPerSecond: 100_000_000,
  splitPerMille: 0,
  connectTimeoutMs: 1_000,
  keepAliveMs: 4_000,
  lingerPerMille: 0,
};
const ADDRESS = { host: 'b4', port: 1 };
const NOTHING: StreamHandler = { data() {}, drained() {}, closed() {} };

export class TwoMachines {
  readonly world = new World(1);
  readonly network: Network;
  readonly server: Life;
  readonly client: Life;

  constructor(options: Partial<NetworkOptions> = {}) {
    this.network = new Network(this.world, { ...OPTIONS, ...options });
    this.server = this.boot('b4');
    this.client = this.boot('p7');
  }

  /** Another machine of the network, with a running process. */
  boot(name: string): Life {
    const host = new Host(this.world, name);
    this.network.add(host);
    return host.boot();
  }

  /** Schedules an event of the world at this time, in milliseconds. */
  at(ms: number, run: () => void): void {
    this.world.after(ms * MILLISECOND - this.world.nowUs, run);
  }

  /** Makes the server accept byte streams. */
  listen(connection: (stream: Stream) => StreamHandler): void {
    this.network.netOf(this.server).listen(ADDRESS, { listening() {}, failed() {}, connection });
  }

  connect(handler: Partial<StreamHandler> = {}): Stream {
    return this.network.netOf(this.client).connect(ADDRESS, { ...NOTHING, ...handler });
  }

  /** Makes the server accept calls and streams of messages. */
  serve(service: RpcService): void {
    this.network.rpcOf(this.server).serve(ADDRESS, service, { listening() {}, failed() {} });
  }

  channel(from: Life = this.client): RpcChannel {
    return this.network.rpcOf(from).channel(ADDRESS);
  }
}
