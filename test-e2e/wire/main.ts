/**
 * `npm run compare:wire`: sends odd requests of every API and version to Millrace and to Apache Kafka, and
 * prints where their answers differ. Exit code 1 when a difference is not justified (wire/justified.ts), or,
 * without --api, a justification has no difference.
 *
 *   --bootstrap host:port   compares this running Millrace
 *   --peer host:port        with this running Apache Kafka
 *   --api Fetch,Produce     only these APIs
 *   --all                   prints the justified differences, too
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
