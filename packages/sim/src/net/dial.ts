/** Opens a connection to an address. The handshake is refused, times out, or opens both sides. */
import type { Address } from '@millrace/base';
import type { Life } from '../world/index.ts';
import { Connection, type End } from './connection.ts';
import type { Network } from './network.ts';

export interface DialEvents {
  opened(end: End): void;
  failed(reason: string): void;
}

/**
 * Calls one of the events once, in a turn of the caller's process. Calls none after `abandon`, or when the
 * process is dead.
 */
export function dial(
  network: Network,
  from: Life,
  to: Address,
  kind: 'net' | 'rpc',
  events: DialEvents,
): { abandon(): void } {
  const { world, options } = network;
  let settled = false;
  const settle = (then: () => void) => {
    if (settled) return;
    settled = true;
    from.turn('io', then);
  };
  const there = network.link(from.host.name, to.host);
  const back = network.link(to.host, from.host.name);
  const pass = (link: typeof there, then: () => void) => {
    const arrive = () => {
      if (link.isCut) link.afterHeal(arrive);
      else then();
    };
    world.after(link.arrivalUs(0) - world.nowUs, arrive);
  };
  world.after(options.connectTimeoutMs * 1000, () => settle(() => events.failed('connection timed out')));
  pass(there, () => {
    if (settled || !from.isAlive) return;
    const found = network.acceptorAt(to.host, to.port);
    if (found === undefined) return;
    if (typeof found === 'string' || found.acceptor.kind !== kind) {
      const reason = typeof found === 'string' ? found : 'connection refused';
      pass(back, () => settle(() => events.failed(reason)));
      return;
    }
    const connection = new Connection(network, from, found.life, kind === 'rpc');
    const [near, far] = connection.ends;
    found.life.turn('io', () => found.acceptor.accept(far));
    far.out.send(0, () => {
      if (settled) connection.breakDown('connection abandoned');
      else settle(() => events.opened(near));
    });
  });
  return {
    abandon() {
      settled = true;
    },
  };
}
