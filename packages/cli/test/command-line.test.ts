/**
 * What a person gets to read: refusals name what was wrong and what is allowed, and every command shows an
 * example.
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
  ...['create', 'list', 'describe', 'delete'].map((verb) => `topic ${verb}`),
  'sim',
];

test.each(commands)('millrace %s --help shows an example', async (command) => {
  expect(await runCommandLine([...command.split(' '), '--help'])).toBe(0);
  expect(output).toContain('Usage: millrace');
  expect(output).toMatch(new RegExp(`Example:\\n {2}millrace ${command}`));
});

test.each([
  [['cluster', 'start', '--dir', 'x', '--brokers', 'many'], 'A whole number from 1 to 64 is allowed'],
  [['cluster', 'start', '--dir', 'x', '--colour', 'red'], "unknown option '--colour'"],
  [['cluster', 'start', '--dir', 'x', '--port', '65536'], 'A whole number from 1 to 65535 is allowed'],
  [['cluster', 'start', '--dir', 'x', '--timeout', '0'], 'A whole number from 1 to 86400 is allowed'],
  [['cluster', 'start'], "'--dir <folder>' not specified"],
  [['cluster', 'dance'], "unknown command 'dance'"],
  [['start', '--set', 'log.dirs'], 'it is not of the form key=value'],
  [['topic', 'create', 'a', 'b', '--bootstrap-server', 'x:1'], 'too many arguments'],
  [
    ['topic', 'list', '--bootstrap-server', 'nonsense'],
    "'nonsense' is no broker address; host:port is allowed",
  ],
  [['topic', 'list', '--bootstrap-server', 'localhost:1'], 'no broker of localhost:1 answers'],
  [['sim'], 'say which runs: --seed S, --seeds A..B or --minutes M'],
  [['sim', '--seed', '-3'], 'A whole number from 0 to 4294967295 is allowed'],
  [['sim', '--seeds', '9..3'], 'A..B is allowed, or A.., of whole numbers from 0 to 4294967295'],
  [['sim', '--seeds', '9..'], '--seeds A.. has no end: say --seeds A..B, or add --minutes M'],
  [['sim', '--seed', '1', '--jobs', '2'], '--seed is one run: it goes without --seeds, --minutes and --jobs'],
  [['sim', '--seeds', '1..2', '--only', '3'], '--only names faults of one run: it goes with --seed'],
  [
    ['sim', '--seed', '1', '--only', 'three'],
    'Indices of faults with commas between them are allowed, or none',
  ],
  [['sim', '--seed', '1', '--minutes', '0'], 'A whole number from 1 to 100000 is allowed'],
  [['sim', '--seeds', '1..2', '--jobs', 'all'], 'A whole number from 1 to 1024 is allowed'],
  [['sim-worker'], 'sim-worker is for `millrace sim --seeds` to start'],
  [['cluster', 'status', '--dir', '/nonexistent'], 'there is no cluster in /nonexistent'],
])('millrace %j is refused by name', async (args, sentence) => {
  expect(await runCommandLine(args)).toBe(1);
  expect(output).toContain(sentence);
});

test.each(['stop', 'status', 'kill', 'pause', 'resume', 'restart', 'start'])(
  'millrace cluster %s --help tells of --json',
  async (verb) => {
    await runCommandLine(['cluster', verb, '--help']);
    expect(output).toMatch(/--json +print one JSON object instead of/);
  },
);

test('the help of --set says that settings stay, and how to take one back', async () => {
  await runCommandLine(['cluster', 'start', '--help']);
  const words = output.replaceAll(/\s+/g, ' ');
  expect(words).toContain('kept in the folder for later starts once the cluster serves with it');
  expect(words).toContain('--set key= takes it back');
});
