/**
 * What an administrator can be asked for while the cluster is in trouble. The workload implements it with a
 * real client.
 */
export interface Operator {
  /** Topics that were asked for by name during the run and not asked to be deleted. */
  extraTopics(): readonly string[];
  /** All that may be grown. */
  allTopics(): readonly string[];
  createTopic(partitions: number, replicationFactor: number): string;
  deleteTopic(name: string): void;
  /** Asks for one partition more. */
  growTopic(name: string): void;
}
