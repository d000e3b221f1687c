/** Defines `millrace group …`. */
import { type Command, Option } from 'commander';
import { anyWholeNumber, bootstrapOption, collected, command, jsonOption, wholeNumber } from './options.ts';

const BOOTSTRAP = '-b localhost:9092';
const load = () => import('../commands/group.ts');

export function addGroup(program: Command): void {
  const group = command(program, 'group', 'Lists, describes, resets and deletes consumer groups.');
  command(group, 'list', 'Lists the groups of all brokers, with type and state.')
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText('after', `\nExample:\n  millrace group list ${BOOTSTRAP}`)
    .action(async (options) => (await load()).groupList(options));
  command(group, 'describe', "Shows a group's state, its members with their partitions, and its lag.")
    .argument('<name>')
    .addOption(bootstrapOption())
    .addOption(watchOption())
    .option('--history', 'also show the last 100 rebalances and their causes')
    .addOption(jsonOption())
    .addHelpText('after', `\nExample:\n  millrace group describe shop ${BOOTSTRAP} --history`)
    .action(async (name, options) => (await load()).groupDescribe(name, options));
  command(group, 'lag', 'Shows how many records a group has not committed yet, in each partition.')
    .argument('<name>')
    .addOption(bootstrapOption())
    .addOption(watchOption())
    .addOption(jsonOption())
    .addHelpText('after', `\nExample:\n  millrace group lag shop ${BOOTSTRAP} --watch`)
    .action(async (name, options) => (await load()).groupLag(name, options));
  addReset(group);
  command(group, 'delete', 'Deletes groups without members, with their committed offsets.')
    .argument('<names...>')
    .addOption(bootstrapOption())
    .addHelpText('after', `\nExample:\n  millrace group delete shop ${BOOTSTRAP}`)
    .action(async (names, options) => (await load()).groupDelete(names, options));
}

function addReset(group: Command): void {
  command(group, 'reset', 'Moves the committed offsets of a group without members.')
    .argument('<name>')
    .addOption(bootstrapOption())
    .option(
      '-t, --topic <topic>',
      'a topic, or some of its partitions as orders:0,2; may be given more than once',
      collected,
    )
    .option('--all-topics', 'every partition with a committed offset')
    .option('--to-earliest', 'to the first record of the log')
    .option('--to-latest', 'to the end of the log')
    .option('--to-offset <offset>', 'to this offset', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--shift-by <n>', 'forward by n records; backward if n is negative', anyWholeNumber)
    .option('--by-duration <duration>', 'to the first record of at most this age: PT1H30M, or 1d, 90m, 30s')
    .option('--to-datetime <time>', 'to the first record from this time on; 2026-07-31T09:30:00 is UTC')
    .option('--to-current', 'to the committed offset; a partition without one moves to the end of the log')
    .option('--execute', 'commit the offsets; without it the command only shows them')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
If the log does not have a wanted offset, the command takes the nearest offset that the log has.

Example:
  millrace group reset shop ${BOOTSTRAP} --topic orders --to-earliest
  millrace group reset shop ${BOOTSTRAP} --topic orders:0 --shift-by -10 --execute
  millrace group reset shop ${BOOTSTRAP} --all-topics --by-duration PT1H --execute`,
    )
    .action(async (name, options) => (await load()).groupReset(name, options));
}

function watchOption(): Option {
  return new Option('--watch [seconds]', 'repeat until Ctrl-C, every 2 seconds or as given')
    .preset('2')
    .argParser(wholeNumber(1, 86_400));
}
