/** Defines `millrace chaos …`. */
import { type Command, InvalidArgumentError } from 'commander';
import { command, jsonOption, settingOption, wholeNumber } from './options.ts';

const MINUTES_MAX = 10_000;

const load = () => import('../commands/chaos.ts');

export function addChaos(program: Command): void {
  const chaos = command(
    program,
    'chaos',
    'Breaks a cluster on purpose, and says whether it kept its promises.',
  );
  command(chaos, 'run', 'Runs a scenario: clients, faults, healing, a check of every record, a report.')
    .option('--scenario <name|file>', 'a built-in scenario or a YAML file', 'leader-failover')
    .option('--minutes <m>', 'inject no fault after this many minutes; default 2', minutes)
    .option('--seed <s>', 'decides the order of faults; default: drawn', wholeNumber(0, 2 ** 32 - 1))
    .option('--controllers <n>', 'number of controllers; default 3', wholeNumber(1, 9))
    .option('--brokers <n>', 'number of brokers; default 3', wholeNumber(1, 64))
    .addOption(settingOption('--set', 'a setting for every node; may be given more than once'))
    .option('--out <folder>', 'a new folder for the history and the report; default ./chaos-SCENARIO-SEED')
    .option('--keep', "keep the nodes' data and logs although no promise was broken")
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The command starts a cluster of local processes, so it needs nothing else. Ctrl-C heals the cluster, and checks what has
happened so far. Exit code 0: no promise was broken; 1: one was; 130: interrupted, and none was.

Example:
  millrace chaos run --scenario leader-failover --minutes 2`,
    )
    .action(async (options) => (await load()).chaosRun(options));
  command(chaos, 'list', 'Lists the built-in scenarios, each with a sentence.')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  millrace chaos list')
    .action(async (options) => (await load()).chaosList(options));
  command(chaos, 'check', 'Checks the history of an earlier run again.')
    .argument('<folder>')
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  millrace chaos check ./chaos-leader-failover-7')
    .action(async (folder, options) => (await load()).chaosCheck(folder, options));
  command(chaos, 'report', 'Checks the history of an earlier run again, and writes its report again.')
    .argument('<folder>')
    .addHelpText('after', '\nExample:\n  millrace chaos report ./chaos-leader-failover-7')
    .action(async (folder) => (await load()).chaosReport(folder));
}

function minutes(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= MINUTES_MAX))
    throw new InvalidArgumentError(`Expected a number above 0 and at most ${MINUTES_MAX}, for example 0.5.`);
  return value;
}
