/** Processes die, freeze and restart. The supervisor starts a dead process again (run/supervisor.ts). */
import { MILLISECOND } from '../world/index.ts';
import { duration, type FaultContext, type FaultKind, later, seconds, victim } from './fault.ts';

const isUp = (node: { isUp: boolean }) => node.isUp;

/** Freezes a process for a while, like SIGSTOP: the most revealing fault for an event loop. */
function freeze({ world }: FaultContext, life: { pause(): void; resume(): void }, lastsUs: number): void {
  life.pause();
  world.after(lastsUs, () => life.resume());
}

export const processFaults: readonly FaultKind[] = [
  {
    name: 'crash',
    sentence: 'kill -9 of one process',
    strike(context, random) {
      const node = victim(context, random, isUp);
      node?.kill('process');
      return node?.name;
    },
  },
  {
    name: 'crash-all',
    sentence: 'kill -9 of all processes at once',
    strike({ cluster }) {
      for (const node of cluster.nodes) node.kill('process');
      return 'everybody';
    },
  },
  {
    name: 'crash-brokers',
    sentence: 'kill -9 of all brokers at once',
    strike({ cluster }) {
      for (const node of cluster.brokers) node.kill('process');
      return cluster.brokers.map(({ name }) => name).join('+');
    },
  },
  {
    name: 'crash-in-write',
    sentence: 'a process dies in the middle of one of its next writes to a file',
    strike(context, random) {
      const node = victim(context, random, (one) => one.isUp && one.isBroker);
      if (node === undefined) return undefined;
      const writes = 1 + random.below(12);
      node.disk.crashAtWrite(writes, 'process');
      return `${node.name}, write ${writes} from now`;
    },
  },
  {
    name: 'power-loss',
    sentence: 'a machine loses power, and with it all unsynced writes',
    strike(context, random) {
      const { atlas } = context;
      const node = victim(context, random, (one) => one.isUp && atlas.mayLosePower(one));
      if (node === undefined) return undefined;
      atlas.noteHarm(node, { disk: false });
      node.kill('power');
      return node.name;
    },
  },
  {
    name: 'power-loss-all',
    sentence: 'all machines lose power at once (every topic has flush.messages=1)',
    strike({ atlas, cluster }) {
      if (!atlas.everythingIsSynced) return undefined;
      for (const node of cluster.nodes) node.kill('power');
      return 'everybody';
    },
  },
  {
    name: 'pause',
    sentence: 'a process freezes and continues later without knowing it',
    strike(context, random) {
      const life = victim(context, random, (one) => one.life !== undefined && !one.life.isPaused)?.life;
      if (life === undefined) return undefined;
      const lasts = duration(random);
      freeze(context, life, lasts);
      return `${life.host.name} for ${seconds(lasts)}`;
    },
  },
  {
    name: 'stutter',
    sentence: 'a process pauses for moments again and again, as if it collected garbage or lacked CPU',
    strike(context, random) {
      const life = victim(context, random, isUp)?.life;
      if (life === undefined) return undefined;
      const times = 3 + random.below(10);
      for (let time = 0; time < times; time++) {
        later(context, random.below(3_000) * MILLISECOND, () => {
          if (life.isAlive && !life.isPaused) freeze(context, life, (1 + random.below(300)) * MILLISECOND);
        });
      }
      return `${life.host.name}, ${times} times`;
    },
  },
];
