/** Requests of an administrator during faults. The workload implements them with a real client. */
export interface Operator {
  /** Topics that faults asked to create during the run and have not asked to delete. */
  extraTopics(): readonly string[];
  /** All topics that may grow. */
  allTopics(): readonly string[];
  /** Returns the name of the new topic. */
  createTopic(topic: ExtraTopic): string;
  deleteTopic(name: string): void;
  /** Asks for one more partition. */
  growTopic(name: string): void;
}

export interface ExtraTopic {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Whether it allows elections that lose acknowledged records. */
  readonly unclean: boolean;
}
