/** Processes die, freeze and restart. The supervisor starts a dead process again (run/supervisor.ts). */
import type { Millis } from '@millrace/base';
import { type Life, MILLISECOND, type Micros } from '../world/index.ts';
import {
  endAfter,
  type FaultContext,
  type FaultKind,
  fault,
  lasting,
  later,
  RECOVERY_US,
  seconds,
  victim,
  victimOf,
} from './fault.ts';
import { duration, whole } from './parameter.ts';

/** A stutter begins its pauses within this time. */
const STUTTER_MS: Millis = 3_000;

const isUp = (node: { isUp: boolean }) => node.isUp;

/**
 * Freezes a process for a while, like SIGSTOP. For code on an event loop this fault reveals more bugs than
 * any other.
 */
function freeze(context: FaultContext, life: Life, lastsMs: Millis): Micros {
  life.pause();
  return endAfter(context, lastsMs, () => life.resume());
}

export const processFaults: readonly FaultKind[] = [
  fault({
    name: 'crash',
    sentence: 'kill -9 of one process',
    parameters: { victim: victim() },
    strike(context, { victim }) {
      const node = victimOf(context, victim, isUp);
      if (node === undefined) return undefined;
      node.kill('process');
      return { says: node.name, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'crash-all',
    sentence: 'kill -9 of all processes at once',
    parameters: {},
    strike({ cluster }) {
      for (const node of cluster.nodes) node.kill('process');
      return { says: 'everybody', touches: cluster.nodes, lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'crash-brokers',
    sentence: 'kill -9 of all brokers at once',
    parameters: {},
    strike({ cluster: { brokers } }) {
      for (const node of brokers) node.kill('process');
      return { says: brokers.map(({ name }) => name).join('+'), touches: brokers, lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'crash-in-write',
    sentence: 'a process dies in the middle of one of its next writes to a file',
    parameters: { victim: victim(), writes: whole(1, 12) },
    strike(context, { victim, writes }) {
      const node = victimOf(context, victim, (one) => one.isUp && one.isBroker);
      if (node === undefined) return undefined;
      node.disk.crashAtWrite(writes, 'process');
      return { says: `${node.name}, write ${writes} from now`, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'power-loss',
    sentence: 'a machine loses power, and may lose unsynced writes',
    parameters: { victim: victim() },
    strike(context, { victim }) {
      const { atlas } = context;
      const node = victimOf(context, victim, (one) => one.isUp && atlas.mayLosePower(one));
      if (node === undefined) return undefined;
      atlas.noteHarm(node, { disk: false });
      node.kill('power');
      return { says: node.name, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'power-loss-all',
    sentence: 'all machines lose power at once (every topic has flush.messages=1)',
    parameters: {},
    strike({ atlas, cluster }) {
      if (!atlas.everythingIsSynced) return undefined;
      for (const node of cluster.nodes) node.kill('power');
      return { says: 'everybody', touches: cluster.nodes, lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'pause',
    sentence: 'a process freezes, and later continues as if no time had passed',
    parameters: { victim: victim(), lastsMs: duration() },
    strike(context, { victim, lastsMs }) {
      const node = victimOf(context, victim, (one) => one.life !== undefined && !one.life.isPaused);
      if (node === undefined) return undefined;
      const lastsUs = freeze(context, node.life!, lastsMs);
      return { says: `${node.name} for ${seconds(lastsUs)}`, touches: [node], lastsUs };
    },
  }),
  fault({
    name: 'stutter',
    sentence: 'a process pauses for moments again and again, as if it collected garbage or lacked CPU',
    parameters: { victim: victim(), times: whole(3, 12), pauseMs: whole(1, 300) },
    strike(context, { victim, times, pauseMs }) {
      const { random } = context;
      const node = victimOf(context, victim, isUp);
      if (node === undefined) return undefined;
      const life = node.life!;
      for (let time = 0; time < times; time++) {
        later(context, random.below(STUTTER_MS) * MILLISECOND, () => {
          if (life.isAlive && !life.isPaused) freeze(context, life, 1 + random.below(pauseMs));
        });
      }
      const says = `${node.name}, ${times} times up to ${pauseMs} ms`;
      return { says, touches: [node], lastsUs: lasting(context, STUTTER_MS + pauseMs) };
    },
  }),
];
