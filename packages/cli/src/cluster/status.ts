/** The status of a local cluster: the state of its processes, and what a broker knows about the cluster. */
import { describeTopicsRequest } from '@millrace/client';
import { KafkaClient, type KafkaClientOptions } from '@millrace/client/io';
import { apis } from '@millrace/protocol';
import { clientOptions } from '../client-options.ts';
import { bootstrapServers, type Layout, type LocalNode, nodesOf, type Role } from './layout.ts';
import { type ProcessState, pidOf, stateOf } from './process.ts';

export interface NodeStatus {
  id: number;
  role: Role;
  state: ProcessState;
  pid: number | null;
  port: number;
  dataDirectory: string;
  /** For a broker: whether it is unfenced. Null for a controller, and when no broker answers. */
  unfenced: boolean | null;
  /** For a broker: how many partitions it leads. Null for a controller, and when no broker answers. */
  leads: number | null;
}

export interface ClusterStatus {
  directory: string;
  bootstrapServers: string;
  clusterId: string | null;
  activeController: number | null;
  nodes: NodeStatus[];
}

export async function clusterStatusOf(layout: Layout): Promise<ClusterStatus> {
  const view = await askBrokers(layout);
  const nodes = nodesOf(layout).map((node): NodeStatus => {
    const isBroker = node.role === 'broker' && view !== undefined;
    return {
      id: node.id,
      role: node.role,
      state: stateOf(node),
      pid: pidOf(node) ?? null,
      port: node.port,
      dataDirectory: `${node.directory}/data`,
      unfenced: isBroker ? view.alive.has(node.id) : null,
      leads: isBroker ? (view.leads.get(node.id) ?? 0) : null,
    };
  });
  return {
    directory: layout.directory,
    bootstrapServers: bootstrapServers(layout),
    clusterId: view?.clusterId ?? null,
    activeController: view?.activeController ?? null,
    nodes,
  };
}

interface View {
  clusterId: string | null;
  activeController: number | null;
  alive: Set<number>;
  leads: Map<number, number>;
}

/** The view of the first running broker that answers; undefined when no broker answers. */
async function askBrokers(layout: Layout): Promise<View | undefined> {
  for (const node of nodesOf(layout)) {
    if (node.role !== 'broker' || stateOf(node) !== 'running') continue;
    try {
      return await within(3000, ask(`127.0.0.1:${node.port}`));
    } catch {
      // The next broker may answer.
    }
  }
  return undefined;
}

async function ask(server: string): Promise<View> {
  const client = await KafkaClient.connect(server, clientOptionsWithin(2000));
  try {
    const metadata = await client.call(apis.metadata, describeTopicsRequest(null));
    const leads = new Map<number, number>();
    for (const topic of metadata.topics) {
      for (const { leaderId } of topic.partitions) leads.set(leaderId, (leads.get(leaderId) ?? 0) + 1);
    }
    return {
      clusterId: metadata.clusterId,
      activeController: await activeController(client),
      alive: new Set(metadata.brokers.map((broker) => broker.nodeId)),
      leads,
    };
  } finally {
    client.close();
  }
}

async function activeController(client: KafkaClient): Promise<number | null> {
  const answer = await client.call(apis.describeQuorum, {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
  });
  const partition = answer.topics[0]?.partitions[0];
  return partition === undefined || partition.leaderId < 0 ? null : partition.leaderId;
}

/**
 * Asks every broker for its metadata. Returns the brokers that do not answer, or whose answer does not
 * contain all brokers yet.
 */
export async function brokersNotServing(layout: Layout): Promise<LocalNode[]> {
  const brokers = nodesOf(layout).filter((node) => node.role === 'broker');
  const answers = await Promise.all(brokers.map((broker) => knownBrokers(`127.0.0.1:${broker.port}`)));
  return brokers.filter((_broker, index) => !brokers.every(({ id }) => answers[index]?.has(id)));
}

async function knownBrokers(server: string): Promise<Set<number>> {
  try {
    return await within(1000, askBrokersOf(server));
  } catch {
    return new Set();
  }
}

async function askBrokersOf(server: string): Promise<Set<number>> {
  const client = await KafkaClient.connect(server, clientOptionsWithin(1000));
  try {
    const metadata = await client.call(apis.metadata, describeTopicsRequest([]));
    return new Set(metadata.brokers.map((broker) => broker.nodeId));
  } finally {
    client.close();
  }
}

/**
 * Options with short timeouts. Otherwise a client could keep the process alive for a long time after `within`
 * has given up.
 */
function clientOptionsWithin(timeoutMs: number): KafkaClientOptions {
  return { ...clientOptions, connectTimeoutMs: timeoutMs, requestTimeoutMs: timeoutMs };
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
