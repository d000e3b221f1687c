/**
 * Every error code with which the active controller answers brokers and administrators (counted by
 * net/rpc-sniffer.ts), and every error code with which a broker answers a client in the controller's place.
 */
import type { CoverageItem, Exemption } from './item.ts';

const BROKER_METHODS = ['register', 'heartbeat', 'alter-partition', 'producer-ids', 'session'];
const ADMIN_METHODS = ['CreateTopics', 'DeleteTopics', 'CreatePartitions'];

function code(name: string, sentence: string): CoverageItem {
  const keys = [...BROKER_METHODS, ...ADMIN_METHODS].map((method) => `control ${method} ${name}`);
  return { name, sentence, keys };
}

export const controllerErrors: readonly CoverageItem[] = [
  code(
    'NOT_CONTROLLER',
    'another node is the active controller, or this one knows less than the leader that asks',
  ),
  // Brokers
  code('DUPLICATE_BROKER_REGISTRATION', 'another process with the same id is alive'),
  code('STALE_BROKER_EPOCH', 'the broker has registered again since'),
  code('FENCED_LEADER_EPOCH', 'a leader that has been replaced asks for an ISR'),
  code('INVALID_UPDATE_VERSION', 'the partition has changed since the leader looked'),
  code('INELIGIBLE_REPLICA', 'a member of the wanted ISR is fenced, or has restarted since'),
  // Topics
  code('REQUEST_TIMED_OUT', 'a change was not committed in time'),
  code('TOPIC_ALREADY_EXISTS', 'a client creates a topic that exists'),
  code('UNKNOWN_TOPIC_OR_PARTITION', 'a client deletes or grows a topic that does not exist'),
  code('UNKNOWN_TOPIC_ID', 'there is no topic with this id'),
  code('INVALID_TOPIC_EXCEPTION', 'a topic cannot have this name'),
  code('INVALID_PARTITIONS', 'a topic cannot have this number of partitions'),
  code('INVALID_REPLICATION_FACTOR', 'a topic cannot have this number of replicas now'),
  code('INVALID_REPLICA_ASSIGNMENT', 'a manual replica assignment is invalid'),
  code('INVALID_CONFIG', 'a setting of a topic is unknown or invalid'),
  code('INVALID_REQUEST', 'a request contradicts itself'),
  code('TOPIC_DELETION_DISABLED', 'a client deletes a topic while delete.topic.enable=false'),
  code('POLICY_VIOLATION', 'a request asks for more partitions than one request may create'),
  // Producer ids: the answers of the broker that hands them out
  {
    name: 'COORDINATOR_LOAD_IN_PROGRESS',
    sentence: 'a broker has no producer id left, and no controller gives it more',
    // The log event counts, too: the broker logs each failed request for ids, but few clients wait until it
    // fails.
    keys: ['answer InitProducerId COORDINATOR_LOAD_IN_PROGRESS', 'log producer-id-block-refused'],
  },
  {
    name: 'UNSUPPORTED_VERSION',
    sentence: 'a producer asks for transactions, which do not exist yet',
    keys: ['answer InitProducerId UNSUPPORTED_VERSION'],
  },
];

export const controllerExemptions: readonly Exemption[] = [
  { name: 'INCONSISTENT_CLUSTER_ID', reason: 'no simulated node gets the disk of another cluster' },
  {
    name: 'INVALID_REGISTRATION',
    reason: 'only our own brokers register, and their registrations are well formed',
  },
  {
    name: 'BROKER_ID_NOT_REGISTERED',
    reason: "a broker understands it, but Millrace's controller never sends it",
  },
  { name: 'UNKNOWN_SERVER_ERROR', reason: 'a run cannot use up all 2^53 producer ids' },
];
