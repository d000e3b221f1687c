/** The clients and protocols of the matrix, with what each client can do in a group. */
import { join } from 'node:path';
import { testRoot } from '../lib/paths.ts';
import { neededTool, type ToolName } from '../lib/tools.ts';

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
  /** Whether a rebalance keeps the partitions that do not move: the cooperative and the new protocol. */
  readonly isIncremental: boolean;
  /** The tool that must be there; undefined for clients from npm. */
  readonly tool?: ToolName;
  /** The events that the client cannot take part in, with the reason. */
  readonly lacks?: Partial<Readonly<Record<EventName, string>>>;
  /** Only `npm run matrix:groups` runs the variant. */
  readonly onlyMatrix?: boolean;
}

/**
 * Its ConsumerGroupHeartbeat with the epoch -2 names no instance id. The coordinator (Apache Kafka 4.3.1,
 * too) then keeps the instance id until the session ends.
 */
const FRANZ_GO_LEAVES = { static: 'the client does not release its instance id when it leaves' };
const NO_STATIC = { static: 'the client has no static members' };

export const variants: readonly Variant[] = [
  {
    client: 'kafkajs',
    protocol: 'classic',
    assignor: 'RoundRobinAssigner',
    isIncremental: false,
    lacks: NO_STATIC,
  },
  {
    client: 'platformatic',
    protocol: 'classic',
    assignor: 'cooperative-sticky',
    isIncremental: true,
  },
  { client: 'platformatic', protocol: 'consumer', assignor: 'uniform', isIncremental: true },
  ...both('confluent-kafka', 'confluent-kafka'),
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

/** The program of a member and its first arguments. */
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
