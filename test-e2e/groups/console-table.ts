/**
 * The calls of Kafka's tools for groups, in the order in which they run. Before the first call, the cluster
 * has two topics, of which only `TOPIC` has records, and three groups: `old` with committed offsets and no
 * member, and `classic` and `next` with one member each. The step `stopMembers` ends these two members.
 */

const TOOLS = 'org.apache.kafka.tools';
const GROUPS = `${TOOLS}.consumer.group.ConsumerGroupCommand`;
const ALL_GROUPS = `${TOOLS}.GroupsCommand`;

export const TOPIC = 'console-groups';
export const OTHER_TOPIC = 'console-groups-other';
export const PARTITIONS = 2;
/**
 * `RECORDS`: the number of records in each partition of `TOPIC`. `COMMITTED`: by partition, the offset that
 * the group `old` has committed before the first call.
 */
export const RECORDS = 10;
export const COMMITTED = [3, 5];

export interface Call {
  readonly name: string;
  readonly tool: string;
  /** The arguments without --bootstrap-server, which the caller adds. */
  readonly args: readonly string[];
  /** What the caller does before this call. */
  readonly before?: 'stopMembers';
}

const group = (...args: string[]) => ({
  tool: GROUPS,
  args,
  name: `kafka-consumer-groups ${args.join(' ')}`,
});
const groups = (...args: string[]) => ({ tool: ALL_GROUPS, args, name: `kafka-groups ${args.join(' ')}` });

const lists: readonly Call[] = [
  group('--list'),
  group('--list', '--state'),
  group('--list', '--type'),
  group('--list', '--state', 'Empty'),
  group('--list', '--type', 'consumer'),
  groups('--list'),
  groups('--list', '--consumer'),
  groups('--list', '--group-type', 'classic'),
  groups('--list', '--protocol', 'consumer'),
];

const descriptions: readonly Call[] = ['old', 'classic', 'next'].flatMap((id) => [
  group('--describe', '--group', id),
  group('--describe', '--group', id, '--offsets', '--verbose'),
  group('--describe', '--group', id, '--members'),
  group('--describe', '--group', id, '--members', '--verbose'),
  group('--describe', '--group', id, '--state'),
  group('--describe', '--group', id, '--state', '--verbose'),
]);

const refusals: readonly Call[] = [
  group('--describe', '--group', 'unknown'),
  group('--delete', '--group', 'classic'),
  group('--delete', '--group', 'next'),
  group('--delete', '--group', 'unknown'),
  group('--reset-offsets', '--group', 'classic', '--topic', TOPIC, '--to-earliest', '--execute'),
  group('--reset-offsets', '--group', 'next', '--topic', TOPIC, '--to-earliest', '--execute'),
  group('--delete-offsets', '--group', 'classic', '--topic', TOPIC),
  group('--delete-offsets', '--group', 'next', '--topic', TOPIC),
  group('--delete-offsets', '--group', 'unknown', '--topic', TOPIC),
];

/**
 * The ways to reset offsets. The table has each way twice: first with --dry-run, then with --execute. So each
 * way begins with the offsets that the way before has set.
 */
const resets: readonly Call[] = [
  ['--to-latest'],
  ['--to-earliest'],
  ['--to-offset', '7'],
  ['--to-offset', '70'],
  ['--shift-by', '-2'],
  ['--shift-by', '100'],
  ['--to-current'],
  ['--to-datetime', '2020-01-01T00:00:00.000'],
  ['--to-datetime', '2099-01-01T00:00:00.000'],
  ['--by-duration', 'P1D'],
].flatMap((how) => {
  const reset = (...more: string[]) =>
    group('--reset-offsets', '--group', 'old', '--topic', TOPIC, ...how, ...more);
  return [reset('--dry-run'), reset('--execute')];
});

const all: readonly Call[] = [
  ...lists,
  ...descriptions,
  group('--describe', '--all-groups', '--state'),
  ...refusals,
  ...resets,
  group('--reset-offsets', '--group', 'old', '--topic', `${TOPIC}:1`, '--to-offset', '4', '--execute'),
  group('--reset-offsets', '--group', 'old', '--topic', TOPIC, '--to-current', '--export', '--dry-run'),
  group('--reset-offsets', '--group', 'old', '--all-topics', '--to-earliest', '--dry-run'),
  group('--reset-offsets', '--group', 'fresh', '--topic', OTHER_TOPIC, '--to-latest', '--execute'),
  group('--describe', '--group', 'old'),
  group('--describe', '--group', 'fresh'),
  group('--delete-offsets', '--group', 'old', '--topic', `${TOPIC}:1`),
  group('--delete-offsets', '--group', 'old', '--topic', OTHER_TOPIC),
  group('--describe', '--group', 'old'),
  { ...group('--describe', '--group', 'classic'), before: 'stopMembers' },
  group('--describe', '--group', 'next', '--state'),
  group('--reset-offsets', '--group', 'next', '--topic', TOPIC, '--to-offset', '1', '--execute'),
  group('--delete', '--group', 'old', '--group', 'classic'),
  group('--delete', '--group', 'next', '--group', 'unknown'),
  group('--list'),
];

export const calls: readonly Call[] = all.map((call, index) => ({
  ...call,
  name: `${index + 1} ${call.name}`,
}));

/** Lines of a Java stack trace, and of the exception with which clients/java/Tools.java ends a tool. */
const OF_A_STACK = /^at |^Tools\$ExitCalled|^null$/;

/**
 * Replaces the text that differs between clusters. Sorts the lines, because Kafka prints them in the order of
 * a hash map.
 */
export function normalise(output: string): string[] {
  return output
    .split('\n')
    .map((line) =>
      line
        .replace(/\b(kgo|member)-[A-Za-z0-9_-]{20,}/g, '$1-ID')
        .replace(/(?<![\w.-])[A-Za-z0-9_-]{22}(==)?(?![\w-])/g, 'ID')
        .replace(/\S+:\d+ +\(\d+\)/g, 'HOST:PORT (BROKER)')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '' && !OF_A_STACK.test(line))
    .sort();
}
