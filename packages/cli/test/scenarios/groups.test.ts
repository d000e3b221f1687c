/** Goal: the commands show a group, reset its offsets and delete it, but change no group with members. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCluster } from '../../src/index.ts';
import { clusterCommands } from '../support/cluster-commands.ts';

let cluster: Awaited<ReturnType<typeof startCluster>>;
beforeAll(async () => {
  cluster = await startCluster({ brokers: 2, settings: { 'logger.level': 'silent' } });
  await out(['topic', 'create', 'orders', '--partitions', '2', '--replication-factor', '1']);
  await out(['produce', 'orders', '-q'], '1\n2\n3\n4\n5\n6\n');
});
afterAll(() => cluster.stop());

const { command, out, refusal } = clusterCommands(() => cluster.bootstrapServers);

interface Lag {
  readonly topic: string;
  readonly partition: number;
  readonly committed: number;
  readonly lag: number;
}

async function lagOf(group: string): Promise<number[][]> {
  const { partitions } = JSON.parse(await out(['group', 'lag', group, '--json']));
  return partitions.map(({ partition, committed, lag }: Lag) => [partition, committed, lag]);
}

describe.each(['classic', 'consumer'])('a group of the %s protocol', (protocol) => {
  const group = `shop-${protocol}`;
  const consume = ['consume', 'orders', '--group', group, '--group-protocol', protocol];

  test('a second run begins where the first one ended', async () => {
    expect((await out([...consume, '-c', '4', '-q'])).split('\n')).toHaveLength(5);
    expect((await lagOf(group)).reduce((sum, [, , lag]) => sum + lag!, 0)).toBeLessThanOrEqual(2);
    const first = await out([...consume, '-e', '-q']);
    expect(first.split('\n').length - 1).toBeLessThanOrEqual(2);
    expect(await lagOf(group)).toEqual([
      [0, 3, 0],
      [1, 3, 0],
    ]);
    expect(await out([...consume, '-e', '-q'])).toBe('');
  });

  test('two members share the partitions; the description names the members, the history has the causes', async () => {
    const members = [0, 1].map(() => command(consume));
    await Promise.all(members.map((member) => member.said('assigned')));
    let described = '';
    for (let tries = 0; tries < 60 && !/Stable, .*2 members/.test(described); tries++) {
      described = await out(['group', 'describe', group, '--history']);
      if (tries > 0) await sleep(500);
    }
    expect(described).toMatch(
      new RegExp(`^group ${group}: ${protocol}, Stable, assignor \\w+, .*2 members, lag 0\n`),
    );
    expect(described.match(/millrace-cli +127\.0\.0\.1 +orders:[01]\n/g)).toHaveLength(2);
    expect(described).toMatch(/TIME +EPOCH +CAUSE/);
    expect(described).toContain('member-joined');
    const reset = await refusal(['group', 'reset', group, '--all-topics', '--to-earliest', '--execute']);
    expect(reset).toMatch(
      /cannot be reset while it has 2 members; stop them, or wait until .*\(client millrace-cli, host /,
    );
    expect(await refusal(['group', 'delete', group])).toMatch(
      /was not deleted while it has 2 members; stop them/,
    );
    for (const { child } of members) child.kill('SIGINT');
    for (const member of members) expect(await member.exit(), member.output()).toBe(0);
    expect(await out(['group', 'list'])).toMatch(new RegExp(`${group} +${protocol} +Empty\n`));
  });

  test('a reset is a dry run, until --execute', async () => {
    const reset = (...more: string[]) => out(['group', 'reset', group, ...more]);
    expect(await reset('--topic', 'orders', '--to-earliest')).toBe(`TOPIC   PARTITION  BEFORE  AFTER
orders  0          3       0
orders  1          3       0

This was a dry run: add --execute to commit these offsets.
`);
    expect(await lagOf(group)).toEqual([
      [0, 3, 0],
      [1, 3, 0],
    ]);
    expect(
      await reset('--topic', 'orders:1', '--shift-by', '-2', '--execute'),
    ).toBe(`TOPIC   PARTITION  BEFORE  AFTER
orders  1          3       1

The offsets are committed.
`);
    const after: [string[], number[][]][] = [
      [
        ['--to-offset', '9'],
        [
          [0, 3, 0],
          [1, 3, 0],
        ],
      ],
      [
        ['--to-earliest'],
        [
          [0, 0, 3],
          [1, 0, 3],
        ],
      ],
      [
        ['--to-current'],
        [
          [0, 0, 3],
          [1, 0, 3],
        ],
      ],
      [
        ['--to-datetime', '2100-01-01T00:00:00'],
        [
          [0, 3, 0],
          [1, 3, 0],
        ],
      ],
      [
        ['--by-duration', '1h'],
        [
          [0, 0, 3],
          [1, 0, 3],
        ],
      ],
      [
        ['--to-latest'],
        [
          [0, 3, 0],
          [1, 3, 0],
        ],
      ],
    ];
    for (const [way, lag] of after) {
      await reset('--all-topics', ...way, '--execute');
      expect(await lagOf(group), way.join(' ')).toEqual(lag);
    }
  });

  test('an empty group is deleted', async () => {
    expect(await out(['group', 'delete', group])).toBe(`Deleted group ${group}.\n`);
    const missing = `millrace: group '${group}' does not exist; \`millrace group list\` lists the groups\n`;
    expect(await refusal(['group', 'delete', group])).toBe(missing);
    await out(['group', 'reset', 'other', '--topic', 'orders', '--to-latest', '--execute']);
    const some = command(['group', 'delete', group, 'other', 'nope']);
    expect(await some.exit()).toBe(1);
    expect(some.stdout()).toBe('Deleted group other.\n');
    expect(some.output()).toContain(missing + missing.slice('millrace: '.length).replace(group, 'nope'));
    expect(await refusal(['group', 'describe', group])).toBe(missing);
    expect(await refusal(['group', 'lag', group])).toBe(missing);
  });
});

test('the command says when no partition is left for the member', async () => {
  // The range assignor sorts members by instance id, so the last member gets nothing.
  const join = (id: number) => command(['consume', 'orders', '--group', 'idle', '--instance-id', `m${id}`]);
  const owners = [join(0), join(1)];
  for (const owner of owners) await owner.said('assigned orders-');
  const third = join(2);
  await third.said('has assigned no partition');
  for (const { child } of [...owners, third]) child.kill('SIGINT');
  for (const member of [...owners, third]) expect(await member.exit(), member.output()).toBe(0);
  expect(third.output()).toContain("group 'idle' has assigned no partition for 5 s: it waits for");
  expect(third.output()).not.toContain('assigned orders-');
});

test('a reset can create a group', async () => {
  const reset = ['group', 'reset', 'new', '--topic', 'orders', '--to-latest'];
  expect(await out(reset)).toContain("Group 'new' did not exist: --execute creates it.");
  expect(await out([...reset, '--execute'])).toContain("Group 'new' did not exist: it was created.");
  expect(await out(['consume', 'orders', '--group', 'new', '-e', '-q'])).toBe('');
  expect(await refusal(['group', 'reset', 'newer', '--all-topics', '--to-latest'])).toContain(
    "group 'newer' has no committed offsets: name its topics with --topic",
  );
});

test('--watch repeats the report until Ctrl-C', async () => {
  await out(['group', 'reset', 'watched', '--topic', 'orders', '--to-earliest', '--execute']);
  const running = command(['group', 'lag', 'watched', '--watch', '1']);
  await running.said('lag 6\n');
  await sleep(1_500);
  running.child.kill('SIGINT');
  expect(await running.exit()).toBe(0);
  expect(running.stdout().match(/^lag 6$/gm)!.length).toBeGreaterThan(1);
});

test('--watch of a group that does not exist ends the command', async () => {
  expect(await refusal(['group', 'lag', 'nope', '--watch'])).toContain("group 'nope' does not exist");
});

test('a member with a pattern reads a topic that matches', async () => {
  await out(['topic', 'create', 'logs-a', '--replication-factor', '1']);
  await out(['produce', 'logs-a', '-q'], 'a\n');
  const running = command(['consume', '^logs-.*', '--group', 'logs', '--group-protocol', 'consumer']);
  await running.said('a\n');
  running.child.kill('SIGTERM');
  expect(await running.exit()).toBe(0);
  expect(running.stdout()).toBe('a\n');
});

test('the last commit fails: the command says so, even with --quiet', async () => {
  await out(['topic', 'create', 'gone', '--partitions', '1', '--replication-factor', '1']);
  await out(['produce', 'gone', '-q'], 'a\n');
  const running = command(['consume', 'gone', '--group', 'gone', '-q']);
  await running.said('a\n');
  // Pauses the consumer meanwhile. Otherwise it would commit after five seconds, while the topic still
  // exists.
  running.child.kill('SIGSTOP');
  await out(['topic', 'delete', 'gone']);
  running.child.kill('SIGINT');
  running.child.kill('SIGCONT');
  expect(await running.exit(), running.output()).toBe(1);
  expect(running.output()).toMatch(/^a\nmillrace: the last commit failed, so the group reads .*: gone-0: /);
});
