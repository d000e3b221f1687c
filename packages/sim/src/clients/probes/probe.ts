/**
 * What a probe is: one odd or invalid request as a client in trouble would send it, and what Kafka answers.
 * Everything else that comes back is wrong, except what any leader change or failing disk may cause.
 */
import type { Uuid } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { BrokerConnection } from '../broker-connection.ts';
import type { ClientEnv } from '../env.ts';

/** `closed`: the broker ended the connection, which is the answer to what is no request. */
export type Expected = ErrorCode | 'closed';

/** Undefined: nobody can tell (the connection broke, or something that has to come first failed). */
export type Answered = (answer: number | 'closed' | undefined) => void;

export interface Probe {
  /** Kebab-case, unique, the API first. */
  readonly name: string;
  readonly expected: readonly Expected[];
  /** What may be answered instead in times of trouble. */
  readonly troubles: readonly ErrorCode[];
  /** Relies on what was appended before: says nothing about a topic that was harmed beyond the contract. */
  readonly remembers?: boolean;
  /** Calls `answered` once, whatever happens. */
  ask(tools: ProbeTools, answered: Answered): void;
}

export interface ProbeTools {
  readonly env: ClientEnv;
  /** The prober's own topic, of one partition, as its metadata have it. */
  readonly topic: { readonly name: string; readonly topicId: Uuid; readonly leaderEpoch: number };
  /** To the leader of its partition, as far as is known. */
  readonly leader: BrokerConnection;
  /** To another broker; undefined: none is ready. */
  readonly other: BrokerConnection | undefined;
  /** A connection for this probe alone; `changed` when it is ready, and when it is closed. */
  open(changed: (connection: BrokerConnection) => void): BrokerConnection;
  /** What was answered is not what Kafka answers, though its code is. */
  wrong(sentence: string): void;
}

/** Leaders move, disks fail, and the metadata of a broker that has just started are old. */
export const PARTITION_TROUBLES: readonly ErrorCode[] = [
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
];

/** No controller answered within the request's time. */
export const CONTROLLER_TROUBLES: readonly ErrorCode[] = [ErrorCode.REQUEST_TIMED_OUT];

export const NO_TROUBLES: readonly ErrorCode[] = [];

/** A name that no topic ever has. */
export const UNKNOWN_TOPIC = 'probe-nowhere';
/** A partition that the prober's topic never has. */
export const UNKNOWN_PARTITION = 7;
/** Larger than the leader epochs of any run. */
export const FUTURE_EPOCH = 1_000_000;
