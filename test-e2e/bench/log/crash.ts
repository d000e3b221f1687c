/**
 * Kills a broker with kill -9 and starts it again. The time until the broker serves should depend on the
 * active segment only. So the same measurement runs with a small and with a large log, whose active segments
 * have the same size. A start after a clean stop shows what the start costs apart from recovery.
 */
import { createTopic } from '../../lib/wire.ts';
import type { Goals } from '../goals.ts';
import { fill, untilServed } from '../load.ts';
import { brokerOf, keyedBatches, type LoopWatch, startBroker, watchLoops } from './broker.ts';
import type { Sizes } from './options.ts';

const TOPIC = 'crash';
const ROUNDS = 3;
/** The sizes of the two logs, in segments. The active segment of each is half full. */
const SMALL = 1.5;
const LARGE = 6.5;
/** The large log may take this many times as long as the small one, because the times vary. */
const RATIO_GOAL = 1.5;

export async function crash(folder: string, sizes: Sizes, goals: Goals): Promise<void> {
  const loops = watchLoops(folder);
  try {
    await measure(sizes, goals, loops);
  } finally {
    loops.stop();
  }
}

async function measure(sizes: Sizes, goals: Goals, { delayOf }: LoopWatch): Promise<void> {
  const cluster = await startBroker();
  const server = cluster.bootstrapServers;
  const { crashSegmentBytes } = sizes;
  const startMs = async (): Promise<number> => {
    const start = performance.now();
    await cluster.startAll();
    await untilServed(server, TOPIC, 1);
    return performance.now() - start;
  };
  const delay = async () => delayOf((await brokerOf(cluster)).pid);
  try {
    const configs = { 'segment.bytes': String(crashSegmentBytes) };
    await createTopic(server, { name: TOPIC, partitions: 1, replicas: 1, configs });
    await untilServed(server, TOPIC, 1);
    let segments = 0;
    const perSize: number[][] = [];
    for (const size of [SMALL, LARGE]) {
      const bytes = (size - segments) * crashSegmentBytes;
      await fill(server, TOPIC, keyedBatches(bytes, Number.MAX_SAFE_INTEGER));
      segments = size;
      const name = `${((size * crashSegmentBytes) / 1e6).toFixed(0)} MB`;
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        await cluster.stop(true);
        goals.add({ title: `start with ${name} after a clean stop`, unit: 'ms' }, await startMs());
        goals.add({ title: 'longest delay of the loop, clean stop', unit: 'ms' }, await delay());
        await cluster.kill((await brokerOf(cluster)).id);
        times.push(await startMs());
        goals.add({ title: `start with ${name} after kill -9`, unit: 'ms' }, times.at(-1)!);
        goals.add({ title: 'longest delay of the loop, kill -9', unit: 'ms' }, await delay());
      }
      perSize.push(times);
    }
    const title = 'start after kill -9, large log to small log';
    const [small, large] = perSize;
    for (let round = 0; round < ROUNDS; round++)
      goals.add({ title, unit: 'x', atMost: RATIO_GOAL }, large![round]! / small![round]!);
  } finally {
    await cluster.stop();
  }
}
