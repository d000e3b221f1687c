/**
 * The variants of the matrix: each is a client with a protocol and an assignor. For each variant, this file
 * says what the client cannot do in a group.
 */
import { join } from 'node:path';
import { testRoot } from '../lib/paths.ts';
import { neededTool, type ToolName } from '../lib/tools.ts';
import type { Excuse } from './excuses.ts';
import { DROPPED } from './member-lines.ts';

export type EventName = 'join' | 'leave' | 'kill' | 'pause' | 'static' | 'grow' | 'coordinator';
export const eventNames: readonly EventName[] = [
  'join',
  'leave',
  'kill',
  'pause',
  'static',
  'grow',
  'coordinator',
];

export interface Variant {
  readonly client: string;
  readonly protocol: 'classic' | 'consumer';
  readonly assignor: string;
  /**
   * Whether a member still processes, during a rebalance, the partitions that do not move. Usually true for
   * cooperative assignors and for the new protocol (KIP-848).
   */
  readonly isIncremental: boolean;
  /** The tool that must be installed; undefined for clients from npm. */
  readonly tool?: ToolName;
  /** The events that the client cannot take part in, with the reason. */
  readonly lacks?: Partial<Readonly<Record<EventName, string>>>;
  /**
   * If a partition has no committed offset, the client may skip records or read records twice. So for this
   * client the test commits offset 0 for each partition before the members join. Platformatic skips records
   * that it fetched during an earlier assignment. In librdkafka, a rebalance during the first lookup of the
   * offset leaves a second lookup, whose answer later sends the member back to the beginning.
   */
  readonly needsCommits?: boolean;
  readonly excuses?: readonly Excuse[];
  /** Only `npm run matrix:groups` runs the variant. */
  readonly onlyMatrix?: boolean;
}

/**
 * The ConsumerGroupHeartbeat with which franz-go leaves (epoch -2) has no instance id. So the coordinator of
 * Millrace keeps the instance id until the session ends, and so does the coordinator of Apache Kafka 4.3.1.
 */
const FRANZ_GO_LEAVES = { static: 'the client does not release its instance id when it leaves' };
/**
 * On a busy machine, a heartbeat or a commit of a cooperative member often comes too late during a rebalance,
 * and is refused. With Apache Kafka 4.3.1, six of six runs had the excused violations at a load of 36 on two
 * cores.
 */
const PLATFORMATIC_CLASSIC: Excuse = {
  checks: ['order', 'ownership', 'monotone', 'kept'],
  after: DROPPED,
  reason:
    'after a refused request the client drops its partitions and joins again; it then delivers records that it had fetched before, and commits partitions that it no longer owns',
};
/** Against Apache Kafka 4.3.1, the runs with each of these events failed in the same way. */
const PLATFORMATIC_CONSUMER: Variant['lacks'] = {
  pause: 'after the error UNKNOWN_MEMBER_ID the client does not join again',
  static: 'the client leaves with the epoch -1, which gives up its instance id',
  grow: 'the client ends when a new partition is assigned before it has the metadata',
};
const KAFKAJS_COORDINATOR: Excuse = {
  checks: ['ownership'],
  at: 'coordinator',
  after: 'not found in the cached metadata',
  reason:
    'the client asks for another coordinator only after its retries; its session ends meanwhile, and it still processes its partitions',
};
const NO_STATIC = { static: 'the client has no static members' };

export const variants: readonly Variant[] = [
  {
    client: 'kafkajs',
    protocol: 'classic',
    assignor: 'RoundRobinAssigner',
    isIncremental: false,
    lacks: NO_STATIC,
    excuses: [KAFKAJS_COORDINATOR],
  },
  {
    client: 'platformatic',
    protocol: 'classic',
    assignor: 'cooperative-sticky',
    isIncremental: false, // After a refused request the client drops its partitions and joins again.
    needsCommits: true,
    excuses: [PLATFORMATIC_CLASSIC],
    lacks: { grow: 'the client does not join again when a topic grows' },
  },
  {
    client: 'platformatic',
    protocol: 'consumer',
    assignor: 'uniform',
    isIncremental: true,
    needsCommits: true,
    lacks: PLATFORMATIC_CONSUMER,
  },
  ...both('confluent-kafka', 'confluent-kafka').map((one) => ({ ...one, needsCommits: one.isIncremental })),
  ...both('java', 'java'),
  ...both('franz-go', 'franz-go', FRANZ_GO_LEAVES),
  { client: 'aiokafka', protocol: 'classic', assignor: 'roundrobin', isIncremental: false, tool: 'aiokafka' },
  {
    client: 'kafka-python',
    protocol: 'classic',
    assignor: 'range',
    isIncremental: false,
    tool: 'kafka-python',
    lacks: NO_STATIC,
  },
];

function both(client: string, tool: ToolName, consumerLacks: Variant['lacks'] = {}): Variant[] {
  const range = { client, tool, protocol: 'classic', assignor: 'range', isIncremental: false } as const;
  return [
    { client, tool, protocol: 'classic', assignor: 'cooperative-sticky', isIncremental: true },
    { client, tool, protocol: 'consumer', assignor: 'uniform', isIncremental: true, lacks: consumerLacks },
    { ...range, onlyMatrix: true },
  ];
}

export function nameOf({ client, protocol, assignor }: Variant): string {
  return `${client} ${protocol} ${assignor}`;
}

/** The program that a member runs, with the program's first arguments. */
export async function programOf({
  client,
}: Variant): Promise<readonly [program: string, args: readonly string[]]> {
  const members = join(testRoot, 'groups', 'members');
  const python = join(testRoot, 'clients', 'python');
  const withTool = async (name: ToolName, ...more: string[]) => {
    const { program, args } = await neededTool(name);
    return [program, [...args, ...more]] as const;
  };
  switch (client) {
    case 'kafkajs':
    case 'platformatic':
      return [process.execPath, [join(members, `${client}.ts`)]];
    case 'confluent-kafka':
      return await withTool(client, join(python, 'group_member.py'));
    case 'aiokafka':
      return await withTool(client, join(python, 'aio_group_member.py'));
    case 'kafka-python':
      return await withTool(client, join(python, 'old_group_member.py'));
    case 'java':
      return await withTool(client, 'GroupMember');
    case 'franz-go':
      return await withTool(client, 'member');
    default:
      throw new Error(`no member program for ${client}`);
  }
}
