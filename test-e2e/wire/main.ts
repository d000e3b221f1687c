/**
 * `npm run compare:wire`: sends odd requests of every API and version to Millrace and to Apache Kafka, and
 * prints where their answers differ. Exits with code 1 if a difference has no justification
 * (wire/justified.ts). Without --api, it also exits with code 1 if a justification covers no difference.
 *
 *   --bootstrap host:port   uses this running Millrace instead of starting one
 *   --peer host:port        uses this running Apache Kafka instead of starting one
 *   --api Fetch,Produce     compares only these APIs
 *   --all                   also prints the justified differences
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type Comparison, compareWire } from './compare.ts';
import { reportOf, staleOf } from './report.ts';
import { withSides } from './sides.ts';
import { makeWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string' },
    peer: { type: 'string' },
    api: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
});
const apis = values.api?.split(',');
const started = performance.now();
const comparison = await withSides(values, async (ours, peer): Promise<Comparison> => {
  const prefix = `wire-${randomBytes(4).toString('hex')}`;
  const worlds = await Promise.all([makeWorld(ours, prefix), makeWorld(peer, prefix)]);
  return compareWire(worlds[0], worlds[1], apis === undefined ? {} : { apis });
});
const open = comparison.found.filter(({ justification }) => justification === undefined);
const stale = apis === undefined ? staleOf(comparison) : [];
process.stdout.write(reportOf(values.all ? comparison.found : open));
for (const { reason } of stale) process.stdout.write(`no difference is left for: ${reason}\n`);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
process.stdout.write(
  `${comparison.cases} cases in ${seconds} s: ${open.length} differences, and ${comparison.found.length - open.length} justified ones\n`,
);
process.exitCode = open.length + stale.length > 0 ? 1 : 0;
