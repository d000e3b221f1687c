/**
 * Goal: the four commands of the README show somebody who has never used a consumer group how it works.
 * Method: the test runs the commands exactly as they are in the README, the consumers in two processes as if
 * in two terminals.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster } from '../../src/index.ts';
import { millrace, type RunningCommand, root } from '../support/command.ts';

const HEADING = '**A consumer group, in four commands**';
const NUMBERS = Array.from({ length: 10 }, (_, index) => String(index + 1));

let cluster: Awaited<ReturnType<typeof startCluster>>;
beforeAll(async () => {
  const settings = { 'logger.level': 'silent', 'default.replication.factor': 3 };
  cluster = await startCluster({ brokers: 3, settings });
});
afterAll(() => cluster.stop());

/** The words of each command in the README, without comments. */
function commands(): string[][] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const section = readme.slice(readme.indexOf(HEADING));
  const block = /```\n(.*?)```/s.exec(section)![1]!.trimEnd();
  return block.split('\n').map((line) => {
    const [, command] = /npx millrace ([^#]*)/.exec(line)!;
    return command!.trim().replace('localhost:9092', cluster.bootstrapServers).split(/ +/);
  });
}

function linesOf(command: RunningCommand): string[] {
  return command.stdout().split('\n').slice(0, -1);
}

async function until(condition: () => boolean, ...watched: RunningCommand[]): Promise<void> {
  for (let tries = 0; !condition() && tries < 300; tries++) await sleep(100);
  expect(condition(), watched.map((command) => command.output()).join('\n---\n')).toBe(true);
}

test('create, produce, consume in two terminals, see the lag', async () => {
  const [create, produce, consume, lag] = commands();
  const done = async (words: string[], input?: string) => {
    const command = millrace(words, {}, input);
    expect(await command.exit(), command.output()).toBe(0);
  };
  const lines = `${NUMBERS.join('\n')}\n`;
  await done(create!);
  await done(produce!, lines);

  const terminals = [millrace(consume!), millrace(consume!)];
  const printed = () => terminals.flatMap(linesOf);
  await until(() => NUMBERS.every((line) => printed().includes(line)), ...terminals);

  const watch = millrace(lag!);
  /** The last report: for each partition, its owner and its lag. */
  const report = () => {
    const rows = [...watch.stdout().matchAll(/^orders +(\d) +\S+ +\d+ +(\S+) +(\S+)$/gm)];
    return [0, 1].map((partition) => rows.filter((row) => Number(row[1]) === partition).at(-1));
  };
  const owners = () => new Set(report().map((row) => row?.[3]));
  const isCaughtUp = () => report().every((row) => row?.[2] === '0');
  await until(() => isCaughtUp() && owners().size === 2 && !owners().has('-'), watch, ...terminals);

  const before = terminals.map((command) => linesOf(command).length);
  await done(produce!, lines);
  await until(() => printed().length >= before[0]! + before[1]! + 10, ...terminals);
  // Each terminal has one partition, and each partition gets every second line.
  expect(terminals.map((command, index) => linesOf(command).length - before[index]!)).toEqual([5, 5]);

  terminals[0]!.child.kill('SIGINT');
  expect(await terminals[0]!.exit(), terminals[0]!.output()).toBe(0);
  await until(() => owners().size === 1 && !owners().has('-') && isCaughtUp(), watch, ...terminals);
  for (const command of [terminals[1]!, watch]) {
    command.child.kill('SIGINT');
    expect(await command.exit(), command.output()).toBe(0);
  }
});
