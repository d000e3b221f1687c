/** Requests of an administrator during faults. The workload implements them with a real client. */
export interface Operator {
  /** Topics that faults asked to create during the run and have not asked to delete. */
  extraTopics(): readonly string[];
  /** All topics that may grow. */
  allTopics(): readonly string[];
  createTopic(partitions: number, replicationFactor: number): string;
  deleteTopic(name: string): void;
  /** Asks for one more partition. */
  growTopic(name: string): void;
}
