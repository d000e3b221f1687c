/**
 * `npm run bench:log`: measures the log of one partition beside plain files on the same disk, and beside
 * Apache Kafka's cleaner. test-e2e/README.md explains the measures.
 *
 *   --only append,read,lookup,crash,compaction,tail   sections; all by default
 *   --quick          small sizes and fewer rounds: some minutes
 *   --gigabytes N    the size of the log for lookups and clean stops: 10, or 1 with --quick
 *
 * The sections use up to 12 GB of the disk at a time. The bench removes its files when it ends.
 */
import { availableParallelism, loadavg } from 'node:os';
import { StealMeter } from '../lib/stolen.ts';
import { Goals } from './goals.ts';
import { compaction } from './log/compaction.ts';
import { crash } from './log/crash.ts';
import { lookup } from './log/lookup.ts';
import { optionsFrom } from './log/options.ts';
import { scratchFolder } from './log/scratch.ts';
import { stream } from './log/stream.ts';
import { tail } from './log/tail.ts';

const { sizes, sections } = optionsFrom(process.argv.slice(2));
// A signal alone would end the process without its exit handlers, which remove files and kill nodes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
const folder = scratchFolder();
const goals = new Goals();
const failed: string[] = [];

async function section(name: string, work: () => void | Promise<void>): Promise<void> {
  const steal = new StealMeter();
  const from = Date.now();
  process.stdout.write(`${name} …\n`);
  try {
    await work();
  } catch (error) {
    // Notes the failure, so that the other sections still run.
    failed.push(`${name}: ${(error as Error).message}`);
    process.stdout.write(`  FAILED: ${(error as Error).stack}\n`);
  }
  const stolen = Math.round(steal.between(from, Date.now()));
  steal.stop();
  const seconds = Math.round((Date.now() - from) / 1000);
  process.stdout.write(
    `  took ${seconds} s, load average ${loadavg()[0]!.toFixed(1)}, steal time ${stolen} ms\n`,
  );
}

const streams = { measuresAppend: sections.has('append'), measuresRead: sections.has('read') };
if (streams.measuresAppend || streams.measuresRead)
  await section('append and read', () => stream(folder, sizes, streams, goals));
if (sections.has('lookup')) await section('lookup', () => lookup(folder, sizes, goals));
if (sections.has('crash')) await section('crash', () => crash(folder, sizes, goals));
if (sections.has('compaction')) await section('compaction', () => compaction(folder, sizes, goals));
if (sections.has('tail')) await section('tail', () => tail(sizes, goals));

const { text, missed } = goals.summary();
process.stdout.write(`\n${text}\n\nThe machine has ${availableParallelism()} cores.\n`);
for (const line of failed) process.stdout.write(`FAILED ${line}\n`);
process.stdout.write(missed.length === 0 ? 'goals: reached\n' : `goals NOT reached: ${missed.join('; ')}\n`);
process.exit(failed.length === 0 && missed.length === 0 ? 0 : 1);
