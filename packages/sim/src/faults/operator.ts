/**
 * The requests of an administrator that faults make. The workload (run/workload.ts) implements them with a
 * simulated client.
 */
export interface Operator {
  /** The topics of `reusableTopics` that faults have created. */
  extraTopics(): readonly string[];
  /** The topics that clients use, except those that a fault has asked to delete for good. */
  allTopics(): readonly string[];
  /** The topics of `allTopics` whose records have keys. */
  keyedTopics(): readonly string[];
  /**
   * The topics of `allTopics`, except those that brokers create, and those that are being deleted and created
   * again.
   */
  reusableTopics(): readonly string[];
  /** Returns the name of the new topic. */
  createTopic(topic: ExtraTopic): string;
  deleteTopic(name: string): void;
  /**
   * Deletes the topic, and creates another one with its name and this number of partitions (0: as many as
   * before). Calls `done` when the new topic is created, or when the controllers refuse to delete topics.
   */
  recreateTopic(name: string, partitions: number, done: () => void): void;
  /** Asks for one more partition. */
  growTopic(name: string): void;
  /**
   * Asks to delete records of a partition of the topic `name`. `partition` chooses the partition. Returns the
   * partition and the offset in words; undefined if the partition has no leader.
   */
  deleteRecords(name: string, partition: number, records: DeletedRecords): string | undefined;
  /** Asks for another value of a config. Undefined: the resource no longer sets the config. */
  alterConfig(resource: AlteredResource, name: string, value: string | undefined): void;
}

/** Up to where an operator deletes the records of a partition. */
export const DELETED_UP_TO = ['part', 'high-watermark', 'end'] as const;
/**
 * `part`: this many hundredths of the way from the log start offset to the high watermark. `high-watermark`:
 * the offset -1. `end`: the log end offset, which the leader refuses if it lies above the high watermark.
 */
export interface DeletedRecords {
  readonly upTo: (typeof DELETED_UP_TO)[number];
  readonly hundredths: number;
}

/** A topic. Or, with the type broker and the name '', all brokers. */
export interface AlteredResource {
  readonly type: 'topic' | 'broker';
  readonly name: string;
}

export interface ExtraTopic {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Whether the topic allows elections that lose acknowledged records. */
  readonly unclean: boolean;
}
