/**
 * Runs Kafka's tools for groups against Apache Kafka, and writes their output to fixtures/console.json.
 * console.test.ts compares the output for Millrace with this file.
 *
 *   node test-e2e/groups/record-console.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { testRoot } from '../lib/paths.ts';
import { startForGroups } from './clusters.ts';
import { runCalls } from './console.ts';

const SESSION_MS = 60_000;
const file = join(testRoot, 'groups', 'fixtures', 'console.json');
const cluster = await startForGroups(SESSION_MS, 'combined');
try {
  const outputs = await runCalls(cluster.bootstrapServers, 1);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(outputs, null, 2)}\n`);
  process.stdout.write(`${Object.keys(outputs).length} outputs in ${file}\n`);
} finally {
  await cluster.stop();
}
process.exit(0);
