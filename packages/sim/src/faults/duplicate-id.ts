/** An operator starts a second process with the id of a running broker. */
import type { RpcStream } from '@millrace/base';
import { controlSession } from '@millrace/control';
import { CONTROLLER_PORT, type SimNode } from '../cluster/index.ts';
import { Host, MILLISECOND } from '../world/index.ts';
import { endAfter, type FaultContext, fault, seconds, victim, victimOf } from './fault.ts';
import { duration } from './parameter.ts';

/** The second process registers again and again at this interval, like a refused broker. */
const REGISTER_EVERY_MS = 200;

/**
 * The second process only registers. It sends no directory ids. If it sent other ids than the healthy broker,
 * the controller would conclude that this broker has lost its disk. If the healthy broker has no session, the
 * controller accepts the second process, which stays fenced until it ends. Then the healthy broker registers
 * again.
 */
export const duplicateId = fault({
  name: 'duplicate-id',
  sentence:
    'a second process with the id of a running broker tries to register again and again, and then dies',
  parameters: { victim: victim(), lastsMs: duration(2_000) },
  strike(context, { victim, lastsMs }) {
    const node = victimOf(context, victim, (one) => one.isBroker && one.isUp);
    if (node === undefined) return undefined;
    const intruder = new Intruder(context, node);
    intruder.start();
    const lastsUs = endAfter(context, lastsMs, () => intruder.die());
    const says = `${node.name}, again as ${intruder.name}, for ${seconds(lastsUs)}`;
    return { says, touches: [node], lastsUs };
  },
});

class Intruder {
  readonly name: string;
  private readonly context: FaultContext;
  private readonly node: SimNode;
  private readonly host: Host;
  private sequence = 0;

  constructor(context: FaultContext, node: SimNode) {
    const { world, network } = context;
    this.context = context;
    this.node = node;
    this.name = `d${node.id}-${Math.floor(world.nowUs / MILLISECOND)}`;
    this.host = new Host(world, this.name);
    network.add(this.host);
  }

  /** Registers with every controller, because the second process does not know which one is active. */
  start(): void {
    const life = this.host.boot();
    const rpc = this.context.network.rpcOf(life);
    const incarnationId = life.random.uuid();
    for (const { name } of this.context.cluster.controllers) {
      life.arrives(0, () => {
        const channel = rpc.channel({ host: name, port: CONTROLLER_PORT });
        let isOpen = true;
        const stream = channel.openStream(controlSession.name, {
          message: (body) => this.answered(body),
          closed: () => {
            isOpen = false;
          },
        });
        const ask = () => {
          if (!isOpen) return;
          this.register(stream, incarnationId);
          life.clock.setTimer(REGISTER_EVERY_MS, ask);
        };
        ask();
      });
    }
  }

  die(): void {
    this.host.life!.die('process');
  }

  private register(stream: RpcStream, incarnationId: string): void {
    const register = {
      brokerId: this.node.id,
      incarnationId,
      clusterId: '',
      listeners: [{ name: 'PLAINTEXT', host: this.name, port: 9092 }],
      rack: undefined,
      previousBrokerEpoch: -1,
      logDirs: [],
      sessionTimeoutMs: 3_000,
      minInsyncReplicas: 1,
    };
    stream.send(
      controlSession.request.encode({
        sequence: ++this.sequence,
        register,
        heartbeat: undefined,
        leaves: false,
      }),
    );
  }

  private answered(body: Uint8Array): void {
    const { register } = controlSession.response.decode(body);
    if (register !== undefined)
      this.context.world.count(`duplicate-id ${register.errorCode === 0 ? 'accepted' : 'refused'}`);
  }
}
