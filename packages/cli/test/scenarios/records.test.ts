/** Goal: `produce` and `consume` do what kcat's flags promise, against a real cluster. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster } from '../../src/index.ts';
import { clusterCommands } from '../support/cluster-commands.ts';
import { main } from '../support/command.ts';

let cluster: Awaited<ReturnType<typeof startCluster>>;
beforeAll(async () => {
  cluster = await startCluster({ brokers: 1, settings: { 'logger.level': 'silent' } });
});
afterAll(() => cluster.stop());

const { command, out } = clusterCommands(() => cluster.bootstrapServers);

async function topic(name: string, partitions = 1): Promise<void> {
  await out(['topic', 'create', name, '--partitions', String(partitions)]);
}

test('lines come back as records, in order, with each codec', async () => {
  await topic('codecs');
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    await out(['produce', 'codecs', '-q', '-z', codec], `${codec}-1\n${codec}-2\n`);
  expect(await out(['consume', 'codecs', '-e'])).toBe(
    'none-1\nnone-2\ngzip-1\ngzip-2\nsnappy-1\nsnappy-2\nlz4-1\nlz4-2\nzstd-1\nzstd-2\n',
  );
});

test('keys, headers and null values come back as they were', async () => {
  await topic('keys');
  await out(['produce', 'keys', '-q', '-K', ':', '-Z', '-H', 'from=test'], 'a:1\nb:\nnone\n');
  expect(await out(['consume', 'keys', '-e', '-f', '%p %o %k(%K) %s(%S) %h\\n'])).toBe(
    '0 0 a(1) 1(1) from=test\n0 1 b(1) (-1) from=test\n0 2 (-1) none(4) from=test\n',
  );
  const lines = (await out(['consume', 'keys', '-e', '-J'])).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).payload)).toEqual(['1', null, 'none']);
});

test('an input that cannot be read: the command says so, and ends', async () => {
  await topic('unread');
  const running = command(['produce', 'unread', '-l', import.meta.dirname]);
  expect([await running.exit(), running.output()]).toEqual([
    1,
    `millrace: cannot read ${import.meta.dirname}: EISDIR; produced 0 records to unread\n`,
  ]);
});

test('-o, -c and -p select records', async () => {
  await topic('many', 2);
  await out(['produce', 'many', '-q', '-p', '1'], '1\n2\n3\n4\n5\n');
  await out(['produce', 'many', '-q', '-p', '0', '-c', '2'], 'a\nb\nc\n');
  const consume = (...more: string[]) => out(['consume', 'many', '-e', ...more]);
  expect(await consume('-p', '1', '-o', '-2')).toBe('4\n5\n');
  expect(await consume('-p', '1', '-o', '3')).toBe('4\n5\n');
  expect(await consume('-p', '0', '-o', '-9')).toBe('a\nb\n');
  expect(await consume('-p', '0', '-o', 'end')).toBe('');
  expect(await consume('-p', '1', '-c', '2')).toBe('1\n2\n');
  expect(await consume('-p', '1', '-o', `s@${Date.now() + 60_000}`)).toBe('');
  expect(await consume('-p', '1', '-o', 'e@1')).toBe('');
  const late = command(['consume', 'many', '-e', '-p', '0', '-o', '7']);
  expect(await late.exit()).toBe(0);
  expect(late.output()).toBe('many-0 does not have offset 7: it begins at 2\n');
});

test('a topic or partition that does not exist is refused', async () => {
  await topic('one');
  const says = async (words: string[], text: string) => {
    const running = command(words, '');
    expect([await running.exit(), running.output()]).toEqual([1, `millrace: ${text}\n`]);
  };
  const missing = "topic 'nope' does not exist; `millrace topic create";
  await says(['produce', 'nope'], `${missing} nope\` creates it`);
  await says(['consume', 'nope'], `${missing}\` creates it`);
  const partition = "topic 'one' has no partition 3: it has only partition 0";
  await says(['produce', 'one', '-p', '3'], partition);
  await says(['consume', 'one', '-p', '3'], partition);
});

test('a batch that the broker refuses: the command fails, and says how many records it has produced', async () => {
  await topic('small');
  const running = command(['produce', 'small', '-p', '0'], `ok\n${'x'.repeat(2_000_000)}\n`);
  expect(await running.exit()).toBe(1);
  expect(running.output()).toMatch(
    /small-0 did not take a batch of \d records?: MESSAGE_TOO_LARGE; produced/,
  );
});

test('records are printed as they come; Ctrl-C ends the command without an error', async () => {
  await topic('live');
  const running = command(['consume', 'live']);
  await sleep(500);
  await out(['produce', 'live', '-q'], 'now\n');
  await running.said('now');
  running.child.kill('SIGINT');
  expect([await running.exit(), running.output()]).toEqual([0, 'now\n']);
});

test('Ctrl-C before the count is reached: the exit code says so', async () => {
  await topic('waiting');
  const running = command(['consume', 'waiting', '-c', '1', '--group', 'patient']);
  await running.said('assigned');
  running.child.kill('SIGINT');
  expect(await running.exit()).toBe(130);
});

test('a reader that closes the output ends the command, which leaves its group', async () => {
  await topic('pipe');
  await out(['produce', 'pipe', '-q'], 'line\n'.repeat(100_000));
  expect(await shell('"$0" "$@" | head -1; exit $PIPESTATUS', ...inGroup('pipe', 'head'))).toEqual([
    0,
    'line\n',
  ]);
  expect(await out(['group', 'list'])).toMatch(/head +classic +Empty/);
});

// Only Linux has a device that is always full.
test.runIf(existsSync('/dev/full'))('a full disk ends the command, which leaves its group', async () => {
  await topic('disk');
  await out(['produce', 'disk', '-q'], 'line\n');
  const says = 'millrace: cannot write the output: ENOSPC\n';
  expect(await shell('"$0" "$@" > /dev/full', ...inGroup('disk', 'full'))).toEqual([1, says]);
  expect(await out(['group', 'list'])).toMatch(/full +classic +Empty/);
  expect(await out(['group', 'lag', 'full'])).toContain('no committed offsets');
  expect(await shell('"$0" "$@" > /dev/full', 'topic', 'list')).toEqual([1, says]);
});

function inGroup(name: string, group: string): string[] {
  return ['consume', name, '-q', '--group', group];
}

/** Runs a script of Bash, which starts the command as "$0" "$@". Returns its exit code and output. */
async function shell(script: string, ...words: string[]): Promise<unknown[]> {
  const args = [process.execPath, main, ...words, '-b', cluster.bootstrapServers];
  const child = spawn('bash', ['-c', script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  const [code] = await once(child, 'close');
  return [code, output];
}
