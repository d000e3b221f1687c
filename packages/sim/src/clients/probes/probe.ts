/**
 * A probe is one request together with the answers that Kafka would give. The answer depends on the state of
 * the cluster: leaders and their epochs, producer states, fetch sessions, topics, or the job that checks a
 * batch. Every other answer is wrong, except the answers that a leader change or a failing disk may cause
 * (`troubles`). A request that gets the same answer from every broker at any time is a row of
 * `broker/test/scenarios/refused-data-requests.test.ts` instead.
 */
import type { Uuid } from '@millrace/base';
import type { BrokerConnection } from '@millrace/client';
import { ErrorCode } from '@millrace/protocol';
import type { ClientEnv } from '../env.ts';

/**
 * Called when the probe has ended, with the error code of its answer. Undefined: the connection broke, or an
 * earlier step failed.
 */
export type Answered = (answer: number | undefined) => void;

export interface Probe {
  /** Kebab-case, unique, the API first. */
  readonly name: string;
  readonly expected: readonly ErrorCode[];
  /** Other answers that faults may cause. */
  readonly troubles: readonly ErrorCode[];
  /**
   * Whether the probe relies on earlier appends. If it does, it proves nothing about a topic that may have
   * lost more than the contract allows.
   */
  readonly remembers?: boolean;
  /** Calls `answered` exactly once. */
  ask(tools: ProbeTools, answered: Answered): void;
}

export interface ProbeTools {
  readonly env: ClientEnv;
  /** The prober's own topic, according to the prober's metadata. It has one partition. */
  readonly topic: { readonly name: string; readonly topicId: Uuid; readonly leaderEpoch: number };
  /** Connection to the leader of the topic's partition, according to the prober's metadata. */
  readonly leader: BrokerConnection;
  /** Connection to another broker; undefined: none is ready. */
  readonly other: BrokerConnection | undefined;
  /** Reports an answer that differs from Kafka's although its code is right. */
  wrong(sentence: string): void;
}

/** Answers that are possible when a leader moves, a disk fails, or a new process has old metadata. */
export const PARTITION_TROUBLES: readonly ErrorCode[] = [
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
];

/** The answer of a broker when no controller answers within the timeout of the request. */
export const CONTROLLER_TROUBLES: readonly ErrorCode[] = [ErrorCode.REQUEST_TIMED_OUT];

export const NO_TROUBLES: readonly ErrorCode[] = [];
