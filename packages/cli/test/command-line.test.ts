/**
 * Goal: when a command refuses its arguments, it names the wrong argument and the allowed values. The help of
 * every command shows an example.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runCommandLine } from '../src/command-line.ts';

let output = '';
beforeEach(() => {
  output = '';
  const keep = (chunk: unknown) => {
    output += String(chunk);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(keep as typeof process.stdout.write);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep as typeof process.stderr.write);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const commands = [
  'start',
  ...['start', 'stop', 'status', 'kill', 'pause', 'resume', 'restart'].map((verb) => `cluster ${verb}`),
  ...['create', 'list', 'describe', 'alter', 'delete'].map((verb) => `topic ${verb}`),
  ...['get', 'set', 'unset'].map((verb) => `config ${verb}`),
  'produce',
  'consume',
  ...['list', 'describe', 'lag', 'reset', 'delete'].map((verb) => `group ${verb}`),
  'sim',
  ...['run', 'list', 'check', 'report'].map((verb) => `chaos ${verb}`),
];

const B = ['-b', 'localhost:1'];

test.each(commands)('millrace %s --help shows an example', async (command) => {
  expect(await runCommandLine([...command.split(' '), '--help'])).toBe(0);
  expect(output).toContain('Usage: millrace');
  expect(output).toMatch(new RegExp(`Example:\\n {2}millrace ${command}`));
});

test.each([
  [['cluster', 'start', '--dir', 'x', '--brokers', 'many'], 'Expected a whole number from 1 to 64'],
  [['cluster', 'start', '--dir', 'x', '--colour', 'red'], "unknown option '--colour'"],
  [['cluster', 'start', '--dir', 'x', '--port', '65536'], 'Expected a whole number from 1 to 65535'],
  [['cluster', 'start', '--dir', 'x', '--timeout', '0'], 'Expected a whole number from 1 to 86400'],
  [['chaos', 'run', '--minutes', '0'], 'Expected a number above 0 and at most 10000'],
  [
    ['chaos', 'run', '--scenario', 'x'],
    "there is no scenario 'x', and no such file; the built-in scenarios are acks-1",
  ],
  [
    ['chaos', 'run', '--brokers', '2'],
    'the topic orders of the scenario leader-failover needs 3 brokers; --brokers is 2',
  ],
  [['chaos', 'check', '/nowhere'], '/nowhere has no history.jsonl; give the folder of a run'],
  [['cluster', 'start'], "'--dir <folder>' not specified"],
  [['cluster', 'dance'], "unknown command 'dance'"],
  [['start', '--set', 'log.dirs'], 'Expected key=value'],
  [['topic', 'create', 'a', 'b', '--bootstrap-server', 'x:1'], 'too many arguments'],
  [
    ['topic', 'list', '--bootstrap-server', 'nonsense'],
    "invalid broker address 'nonsense': expected host:port, for example localhost:9092",
  ],
  [['topic', 'list', '--bootstrap-server', 'localhost:1'], 'no broker of localhost:1 answers'],
  [['topic', 'alter', 'a', ...B], 'nothing to change: use --partitions, --config or --unset'],
  [
    ['config', 'get', ...B],
    'use one of --topic, --broker, --all-brokers, --broker-loggers and --group: none is given',
  ],
  [
    ['config', 'get', ...B, '--topic', 'a', '--all-brokers'],
    'use one of --topic, --broker, --all-brokers, --broker-loggers and --group: 2 are given',
  ],
  [['config', 'set', ...B, '--topic', 'a', 'retention.ms'], 'Expected key=value'],
  [['config', 'set', ...B, '--topic', 'a'], "missing required argument 'key=value'"],
  [['config', 'unset', ...B, '--topic', 'a'], "missing required argument 'names'"],
  [['sim'], 'no runs given: use --seed S, --plan FILE, --seeds A..B or --minutes M'],
  [['sim', '--seed', '-3'], 'Expected a whole number from 0 to 4294967295'],
  [['sim', '--seeds', '9..3'], 'Expected A..B or A.., with whole numbers from 0 to 4294967295'],
  [['sim', '--seeds', '9..'], '--seeds A.. has no end: use --seeds A..B, or add --minutes M'],
  [
    ['sim', '--seed', '1', '--jobs', '2'],
    '--seed and --plan are one run: do not combine them with --seeds, --minutes or --jobs',
  ],
  [['sim', '--seed', '1', '--plan', 'x'], '--plan has a seed of its own: do not combine it with --seed'],
  [['sim', '--plan', 'x', '--print-plan'], '--print-plan prints the plan of a seed: use it with --seed'],
  [
    ['sim', '--seeds', '1..2', '--plan-out', 'x'],
    '--plan-out writes the plan of one run: use it with --seed or --plan',
  ],
  [['sim', '--plan', '/nonexistent'], 'cannot read the plan /nonexistent: ENOENT'],
  [['sim', '--seed', '1', '--minutes', '0'], 'Expected a whole number from 1 to 100000'],
  [['sim', '--seeds', '1..2', '--jobs', 'all'], 'Expected a whole number from 1 to 1024'],
  [['sim-worker'], 'sim-worker is an internal command of `millrace sim --seeds`'],
  [['produce', 'x'], "'-b, --bootstrap-server <host:port,…>' not specified"],
  [['produce', ...B], 'no topic given: millrace produce TOPIC'],
  [['produce', 'x', '-t', 'y', ...B], "two topics given, 'x' and 'y': a command produces to one"],
  [['produce', 'x', '-k', 'a', '-K', ':', ...B], '--key is the key of every record: drop it, or --key-del'],
  [['produce', 'x', '-H', 'nothing', ...B], "invalid header 'nothing': expected name=value"],
  [['produce', 'x', '-D', '', ...B], 'a delimiter may not be empty'],
  [['produce', 'x', '-l', '/nonexistent', ...B], 'cannot read /nonexistent: ENOENT'],
  [['produce', 'x', '-z', 'rar', ...B], 'Allowed choices are none, gzip, snappy, lz4, zstd'],
  [['produce', 'x', '--acks', '2', ...B], 'Allowed choices are all, -1, 1, 0'],
  [['produce', 'x', '-b', 'nonsense'], "invalid broker address 'nonsense': expected host:port"],
  [['consume', ...B], 'no topic given: millrace consume TOPIC'],
  [['consume', 'x', ...B], 'no broker of localhost:1 answers'],
  [
    ['consume', 'x', '-o', 'middle', ...B],
    "invalid -o 'middle': expected beginning, end, N, -N, s@MS or e@MS",
  ],
  [['consume', 'x', '-o', '1', '-o', '2', ...B], "-o has two starts: the second one is '2'"],
  [['consume', 'x', '-p', 'all', ...B], "invalid --partition 'all': expected numbers, for example 0 or 0,2"],
  [
    ['consume', 'x', '-f', '%q', ...B],
    "unknown '%q' in the format: it may have %s %S %k %K %t %p %o %T %h %%",
  ],
  [['consume', 'x', '-f', '%s', '-J', ...B], '--json is a format of its own: drop --format'],
  [['consume', 'x', '-J', '-K', ':', ...B], '--key-delimiter and --delimiter are for the default format'],
  [['consume', '^x', ...B], "the pattern '^x' needs a group: add --group NAME"],
  [['consume', '^x', '-G', 'g', ...B], "the pattern '^x' needs --group-protocol consumer"],
  [['consume', '^x', 'y', '-G', 'g', '--group-protocol', 'consumer', ...B], "the pattern '^x' stands alone"],
  [['consume', 'x', '-G', 'g', '-p', '0', ...B], '--partition does not go with --group'],
  [['consume', 'x', '-G', 'g', '-o', '5', ...B], 'in a group -o may be beginning or end'],
  [
    ['consume', 'x', '-G', 'g', '--assignor', 'uniform', ...B],
    "the classic protocol has no assignor 'uniform'",
  ],
  [['consume', 'x', '--instance-id', 'i', ...B], 'are for members of a group: add --group NAME'],
  [['consume', 'x', '--no-commit', ...B], 'are for members of a group: add --group NAME'],
  [['consume', 'x', '--group-protocol', 'classic', ...B], 'are for members of a group: add --group NAME'],
  [['consume', '^', '-G', 'g', '--group-protocol', 'consumer', ...B], "the pattern '^' is empty"],
  [
    ['consume', 'x', '-o', 's@99999999999999999999', ...B],
    "invalid -o 's@99999999999999999999': the number is larger than 9007199254740991",
  ],
  [['consume', 'x', '-o', '-9007199254740992', ...B], "invalid -o '-9007199254740992': the number is"],
  [['produce', '-t', 'x', '-t', 'y', ...B], "The option is given twice, first as 'x'."],
  [['group', 'list', ...B], 'no broker of localhost:1 answers'],
  [['group', 'lag', 'g', '--watch', '0', ...B], 'Expected a whole number from 1 to 86400'],
  [['group', 'reset', 'g', '--all-topics', ...B], 'no target given: give one of --to-earliest, --to-latest'],
  [['group', 'reset', 'g', '--to-latest', '--to-offset', '1', ...B], 'too many targets: give one of'],
  [['group', 'reset', 'g', '--to-latest', ...B], 'give either --topic NAME, once or more, or --all-topics'],
  [['group', 'reset', 'g', '--topic', 'x', '--shift-by', 'a', ...B], 'Expected a whole number.'],
  [
    ['group', 'reset', 'g', '--topic', 'x:', '--to-latest', ...B],
    "invalid topic 'x:': expected NAME or NAME:PARTITION,…",
  ],
  [
    ['group', 'reset', 'g', '--topic', 'x', '--by-duration', '1y', ...B],
    "invalid duration '1y': expected for example PT1H30M",
  ],
  [['group', 'reset', 'g', '--topic', 'x', '--to-datetime', 'noon', ...B], "invalid date and time 'noon'"],
  [['group', 'reset', 'g', '--topic', 'x', '--by-duration', '999999d', ...B], 'the time is before 1970'],
  [['cluster', 'status', '--dir', '/nonexistent'], 'there is no cluster in /nonexistent'],
])('millrace %j is refused with a reason', async (args, sentence) => {
  expect(await runCommandLine(args)).toBe(1);
  expect(output).toContain(sentence);
});

test.each(['stop', 'status', 'kill', 'pause', 'resume', 'restart', 'start'])(
  'millrace cluster %s --help shows --json',
  async (verb) => {
    await runCommandLine(['cluster', verb, '--help']);
    expect(output).toMatch(/--json +print one JSON object instead of/);
  },
);

test('the help of --set says that settings stay, and how to remove one', async () => {
  await runCommandLine(['cluster', 'start', '--help']);
  const words = output.replaceAll(/\s+/g, ' ');
  expect(words).toContain('once the cluster serves, the folder keeps it for later starts');
  expect(words).toContain('--set key= removes it');
});
