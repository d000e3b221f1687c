/** The partitions of a committed image, each with its state in the image before. */
import type { MetadataImage, PartitionImage, TopicImage } from '@millrace/metadata';

export interface PartitionStep {
  /** For example `events-1-0`: partition 0 of the topic `events-1`. */
  readonly name: string;
  readonly topic: TopicImage;
  /** Undefined: the partition is new. */
  readonly before: PartitionImage | undefined;
  readonly after: PartitionImage;
}

export function* partitionSteps(before: MetadataImage, after: MetadataImage): Generator<PartitionStep> {
  for (const topicName of after.topicNames) {
    const topic = after.topic(topicName)!;
    for (const [index, state] of topic.partitions.entries())
      yield {
        name: `${topic.name}-${index}`,
        topic,
        before: before.partition(topic.id, index),
        after: state,
      };
  }
}

/** Like `partitionSteps`, but only the partitions whose state differs between the two images. */
export function* changedPartitions(before: MetadataImage, after: MetadataImage): Generator<PartitionStep> {
  if (before.topics === after.topics) return;
  for (const step of partitionSteps(before, after)) if (step.before !== step.after) yield step;
}

/** The members of the ISR and the ELR: each holds all committed records. */
export function completeReplicas({ isr, elr }: PartitionImage): readonly number[] {
  return [...isr, ...elr];
}

/** For example `ISR 6,4, ELR none`. */
export function membersText({ isr, elr }: PartitionImage): string {
  return `ISR ${listText(isr)}, ELR ${listText(elr)}`;
}

/** The ids of brokers, or `none`. */
export function listText(ids: readonly number[]): string {
  return ids.length === 0 ? 'none' : ids.join();
}
