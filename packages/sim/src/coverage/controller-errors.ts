/**
 * Every error code with which the active controller answers brokers and administrators (counted by
 * net/rpc-sniffer.ts), and with which a broker answers a client in its place.
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
    'another node is the active controller, or this one knows less than the asking leader',
  ),
  // Brokers
  code('DUPLICATE_BROKER_REGISTRATION', 'another process with the same id is alive'),
  code('STALE_BROKER_EPOCH', 'the broker has been registered anew since'),
  code('FENCED_LEADER_EPOCH', 'an ISR is asked for by a leader that leads no more'),
  code('INVALID_UPDATE_VERSION', 'the partition has changed since the leader looked'),
  code('INELIGIBLE_REPLICA', 'a new member of the ISR is fenced, or has started again since'),
  // Topics
  code('REQUEST_TIMED_OUT', 'a change was not committed in time'),
  code('TOPIC_ALREADY_EXISTS', 'a topic is created that exists'),
  code('UNKNOWN_TOPIC_OR_PARTITION', 'a topic is deleted or grown that does not exist'),
  code('UNKNOWN_TOPIC_ID', 'there is no topic with this id'),
  code('INVALID_TOPIC_EXCEPTION', 'a topic cannot have this name'),
  code('INVALID_PARTITIONS', 'a topic cannot have so many partitions'),
  code('INVALID_REPLICATION_FACTOR', 'there are not so many brokers'),
  code('INVALID_REPLICA_ASSIGNMENT', 'replicas are assigned by hand, and wrongly'),
  code('INVALID_CONFIG', 'a setting of a topic is unknown or wrong'),
  code('INVALID_REQUEST', 'a request contradicts itself'),
  code('TOPIC_DELETION_DISABLED', 'a topic is deleted where delete.topic.enable=false'),
  code('POLICY_VIOLATION', 'more partitions are asked for at once than one request may create'),
  // Producer ids, said by the broker that hands them out
  {
    name: 'COORDINATOR_LOAD_IN_PROGRESS',
    sentence: 'a broker has no producer id left, and no controller gives it more',
    // Logged as the broker tells everybody who waits; few clients are as patient as it is.
    keys: ['answer InitProducerId COORDINATOR_LOAD_IN_PROGRESS', 'log producer-id-block-refused'],
  },
  {
    name: 'UNSUPPORTED_VERSION',
    sentence: 'a producer wants to begin transactions, which do not exist yet',
    keys: ['answer InitProducerId UNSUPPORTED_VERSION'],
  },
];

export const controllerExemptions: readonly Exemption[] = [
  { name: 'INCONSISTENT_CLUSTER_ID', reason: 'no simulated node is given the disk of another cluster' },
  { name: 'INVALID_REGISTRATION', reason: 'only brokers of ours register, and theirs are well formed' },
  {
    name: 'BROKER_ID_NOT_REGISTERED',
    reason: "a broker understands it, and Millrace's controller never says it",
  },
  { name: 'UNKNOWN_SERVER_ERROR', reason: 'all 2^53 producer ids would have to be used up' },
];
