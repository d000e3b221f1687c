/**
 * `npm run soak:garbage`: first sends garbage to every node (random bytes, half frames, a frame of 2 GiB, …),
 * then holds 10,000 silent connections, then runs hostile clients of each kind. Meanwhile normal writers
 * write. Exits with code 1 if any check fails.
 *
 *   --peer        against Apache Kafka
 *   --only TEXT   no garbage, only hostile kinds whose name contains TEXT ('': all of them)
 *   --window S    least length in seconds of each hostile and each quiet window
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPeerKafka } from '../bench/peer-kafka.ts';
import { startMillrace } from '../lib/cluster.ts';
import { cacheFolder } from '../lib/paths.ts';
import { runGarbage } from './garbage-trial.ts';

/**
 * The limit for the resident memory of a node. An idle node takes 90 to 150 MiB. Requests, their decoded
 * objects and answers have a budget of 256 MiB. Objects that V8 has not collected yet, and the worker
 * threads, may take another 256 MiB.
 */
const RESIDENT_MAX_MIB = 768;
/** The Java nodes have heaps of 1 GiB. */
const JAVA_RESIDENT_MAX_MIB = 2048;

const { values } = parseArgs({
  options: {
    peer: { type: 'boolean', default: false },
    only: { type: 'string' },
    window: { type: 'string', default: '5' },
  },
});
const folder = mkdtempSync(join(cacheFolder('work'), 'garbage-'));
const cluster = values.peer ? await startPeerKafka('three-and-three') : await startMillrace();
const say = (line: string) => process.stdout.write(`${line}\n`);
let violations: string[] = ['the soak did not run to its end'];
try {
  const hostile = {
    records: 8_000_000,
    duplicates: 1_000_000,
    duplicatesAtOnce: 7,
    silenceMs: 1000,
    windowMs: Number(values.window) * 1000,
    pairs: 3,
    pairsMax: 8,
    residentMaxMiB: values.peer ? JAVA_RESIDENT_MAX_MIB : RESIDENT_MAX_MIB,
    only: values.only,
  };
  const garbage =
    values.only === undefined
      ? { silentConnections: 10_000, rounds: 20 }
      : { silentConnections: 0, rounds: 0 };
  violations = await runGarbage({ cluster, folder, ...garbage, hostile, say });
} finally {
  await cluster.stop(violations.length > 0);
}
for (const violation of violations) say(`VIOLATED: ${violation}`);
if (violations.length === 0) {
  say('no harm done');
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = violations.length === 0 ? 0 : 1;
