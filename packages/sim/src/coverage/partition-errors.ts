/**
 * Every error code with which a partition answers a produce, a fetch (also a follower's), or a lookup of
 * offsets.
 */
import type { CoverageItem, Exemption } from './item.ts';

const APIS = ['Produce', 'Fetch', 'ListOffsets', 'OffsetForLeaderEpoch'];

function code(name: string, sentence: string): CoverageItem {
  const keys = APIS.map((api) => `answer ${api} ${name}`);
  keys.push(`log replica-fetch-refused error=${name}`, `log fetch-session-refused error=${name}`);
  return { name, sentence, keys };
}

export const partitionErrors: readonly CoverageItem[] = [
  code('NOT_LEADER_OR_FOLLOWER', 'another broker leads the partition'),
  code('FENCED_LEADER_EPOCH', 'the reader believes in an earlier leader'),
  code('UNKNOWN_LEADER_EPOCH', 'the reader knows of a later leader than this replica'),
  code('UNKNOWN_TOPIC_OR_PARTITION', 'there is no such partition'),
  code('UNKNOWN_TOPIC_ID', 'there is no topic with this id'),
  code('KAFKA_STORAGE_ERROR', 'the replica cannot read or write its log'),
  // Produce
  code('NOT_ENOUGH_REPLICAS', 'the ISR is smaller than min.insync.replicas'),
  code('NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'the ISR became too small while a batch waited'),
  code('REQUEST_TIMED_OUT', 'the ISR did not get a batch in time'),
  code('INVALID_REQUIRED_ACKS', 'acks is not -1, 0 or 1'),
  code('OUT_OF_ORDER_SEQUENCE_NUMBER', 'a batch of an idempotent producer is out of sequence'),
  code('INVALID_PRODUCER_EPOCH', 'a producer with a newer epoch has superseded this one'),
  code('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'a transactional batch comes without a transactional id'),
  code('INVALID_TXN_STATE', 'a batch belongs to a transaction that does not exist'),
  code('INVALID_RECORD', 'a request does not bring one valid batch for the partition'),
  code('INVALID_TIMESTAMP', 'a timestamp is too far from the clock of the broker'),
  code('CORRUPT_MESSAGE', 'the checksum of a batch is wrong, or the leader cannot read it'),
  code('MESSAGE_TOO_LARGE', 'a batch is larger than max.message.bytes'),
  code('RECORD_LIST_TOO_LARGE', 'a batch is larger than a segment'),
  code('UNSUPPORTED_COMPRESSION_TYPE', 'zstd in a version of Produce without it'),
  // Fetch
  code('OFFSET_OUT_OF_RANGE', 'a position lies outside of the log'),
  code('FETCH_SESSION_ID_NOT_FOUND', 'the broker does not know the fetch session, or has dropped it'),
  code('INVALID_FETCH_SESSION_EPOCH', 'a request of a fetch session is out of sequence'),
  code('FETCH_SESSION_TOPIC_ID_ERROR', 'a fetch session changed between topic names and topic ids'),
  // Lookups
  code('OFFSET_NOT_AVAILABLE', 'a new leader does not know its high watermark yet'),
  code('LEADER_NOT_AVAILABLE', 'as OFFSET_NOT_AVAILABLE, in a version without that code'),
  code('UNSUPPORTED_VERSION', 'a lookup asks for a position that its version does not have'),
  code('UNKNOWN_SERVER_ERROR', 'the leader cannot decompress a batch, or the isolation level is unknown'),
  code('INVALID_REQUEST', 'a partition is named twice in a lookup'),
];

export const partitionExemptions: readonly Exemption[] = [
  {
    name: 'INVALID_TOPIC_EXCEPTION',
    reason: 'a client may not write to an internal topic, and no simulated cluster has one',
  },
  { name: 'INELIGIBLE_REPLICA', reason: 'the controller answers a leader with it: see controller-errors.ts' },
  {
    name: 'OPERATION_NOT_ATTEMPTED',
    reason: "a leader understands it, but Millrace's controller never sends it",
  },
];
