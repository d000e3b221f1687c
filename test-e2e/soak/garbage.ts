/**
 * `npm run soak:garbage`: random bytes, half frames, a frame of 2 GiB and the like at every node, then 10,000
 * connections that say nothing, while normal writers go on. --peer: against Apache Kafka. Exit code 1 on any harm.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startPeerKafka } from '../bench/peer-kafka.ts';
import { startMillrace } from '../lib/cluster.ts';
import { cacheFolder } from '../lib/paths.ts';
import { runGarbage } from './garbage-trial.ts';

const { values } = parseArgs({ options: { peer: { type: 'boolean', default: false } } });
const folder = mkdtempSync(join(cacheFolder('work'), 'garbage-'));
const cluster = values.peer ? await startPeerKafka('three-and-three') : await startMillrace();
const say = (line: string) => process.stdout.write(`${line}\n`);
let violations: string[] = ['it did not come to its end'];
try {
  violations = await runGarbage({ cluster, folder, silentConnections: 10_000, rounds: 20, say });
} finally {
  await cluster.stop(violations.length > 0);
}
for (const violation of violations) say(`VIOLATED: ${violation}`);
if (violations.length === 0) {
  say('no harm done');
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = violations.length === 0 ? 0 : 1;
