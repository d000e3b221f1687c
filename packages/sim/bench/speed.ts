/**
 * `npm run measure:sim`: measures how much virtual time the simulator runs in a second of CPU time. Each run
 * has three controllers, three brokers and four clients: two producers, and two consumers or two members of
 * groups. Everything else is drawn from the seed, as in `millrace sim --seeds`. The target is 100 virtual
 * seconds for each CPU second.
 *
 *   --runs N   runs of each kind (default 150)
 *
 * The CPU time of a run also grows while other programs use the machine.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { type Overrides, planOf } from '@millrace/sim';
import { SIMULATOR_FLAGS, simulateGuarded } from '@millrace/sim/io';

/** These runs come first and do not count, because Node compiles the code in them. */
const WARM_UP = 5;
const FIRST_SEED = 11;

const COMMON: Overrides = {
  cluster: { brokers: 3, controllers: 3, combined: false },
  producers: 2,
  autoTopics: 0,
  committers: 0,
};
const KINDS: Readonly<Record<string, Overrides>> = {
  consumers: { ...COMMON, consumers: 2, classicMembers: 0, consumerMembers: 0 },
  'members of groups': { ...COMMON, consumers: 0, classicMembers: 1, consumerMembers: 1 },
};

const { values } = parseArgs({ options: { runs: { type: 'string', default: '150' } } });
const runs = Number(values.runs);
if (!Number.isSafeInteger(runs) || runs < 1) {
  process.stderr.write('measure:sim: --runs takes a whole number of at least 1\n');
  process.exit(1);
}
if (SIMULATOR_FLAGS.every((flag) => process.execArgv.includes(flag)))
  for (const [what, overrides] of Object.entries(KINDS)) measure(what, overrides);
else {
  const again = [...SIMULATOR_FLAGS, import.meta.filename, '--runs', `${runs}`];
  process.exitCode = spawnSync(process.execPath, again, { stdio: 'inherit' }).status ?? 1;
}

function measure(what: string, overrides: Overrides): void {
  for (let seed = 1; seed <= WARM_UP; seed++) simulateGuarded({ ...planOf(seed), overrides });
  const before = process.cpuUsage();
  let virtualUs = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + runs; seed++) {
    const { checker, sentence, virtualUs: us } = simulateGuarded({ ...planOf(seed), overrides });
    virtualUs += us;
    if (checker === undefined) continue;
    process.stdout.write(`seed ${seed} violates ${checker}: ${sentence}\n`);
    process.exitCode = 1;
  }
  const { user, system } = process.cpuUsage(before);
  const cpuUs = user + system;
  process.stdout.write(
    `2 producers and 2 ${what}: ${runs} runs, ${(virtualUs / 1e6).toFixed(0)} virtual s in ${(cpuUs / 1e6).toFixed(1)} CPU s, ${(virtualUs / cpuUs).toFixed(0)} x real time\n`,
  );
}
