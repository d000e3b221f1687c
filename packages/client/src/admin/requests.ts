/**
 * The requests of an administrator. Each request can be encoded in every version, unless its comment says
 * otherwise.
 */
import type { Millis, Uuid } from '@millrace/base';

export interface NewTopic {
  readonly name: string;
  /** -1: the brokers' default. */
  readonly partitions: number;
  /** -1: the brokers' default. */
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** `timeoutMs`, here and below: how long the controller may take. */
export function createTopicRequest(
  { name, partitions, replicationFactor, configs }: NewTopic,
  timeoutMs: Millis,
) {
  const topic = {
    name,
    numPartitions: partitions,
    replicationFactor,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  };
  return { topics: [topic], timeoutMs, validateOnly: false };
}

export function deleteTopicRequest(name: string, timeoutMs: Millis) {
  return { topicNames: [name], topics: [{ name }], timeoutMs };
}

/** Names the topic by its id. For version 6 and later. */
export function deleteTopicWithIdRequest(topicId: Uuid, timeoutMs: Millis) {
  return { topicNames: [], topics: [{ name: null, topicId }], timeoutMs };
}

/** `count`: the new number of partitions. */
export function createPartitionsRequest(name: string, count: number, timeoutMs: Millis) {
  return { topics: [{ name, count, assignments: null }], timeoutMs, validateOnly: false };
}

/** For version 4 and later, so that the request creates no topic. `names` null: every topic. */
export function describeTopicsRequest(names: readonly string[] | null) {
  return { topics: names?.map((name) => ({ name })) ?? null, allowAutoTopicCreation: false };
}
