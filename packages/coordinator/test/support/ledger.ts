/**
 * Reads the records of a consumer group, independently of the group's code, and finds faults: a partition has
 * two holders, an epoch falls, or a member loses a partition that is still in its target.
 */
import type { Uuid } from '@millrace/base';
import { decodeGroupRecord, type GroupRecord } from '@millrace/protocol';
import type { CoordinatorRecord } from '../../src/runtime/machine.ts';

type AssignmentValue = NonNullable<
  Extract<GroupRecord, { name: 'consumerGroupCurrentMemberAssignment' }>['value']
>;

export class Ledger {
  /** The assigned partitions of each member, as `topicId/partition`. */
  readonly assigned = new Map<string, ReadonlySet<string>>();
  readonly pending = new Map<string, ReadonlySet<string>>();
  readonly targets = new Map<string, ReadonlySet<string>>();
  readonly epochs = new Map<string, number>();
  groupEpoch = 0;
  assignmentEpoch = 0;
  readonly faults: string[] = [];
  private readonly subscriptions = new Map<string, { names: readonly string[]; regex: string | null }>();
  private readonly regexes = new Map<string, readonly string[]>();
  private readonly topicName: (topicId: Uuid) => string | undefined;
  private read = 0;

  /** `topicName` returns undefined for a deleted topic. */
  constructor(topicName: (topicId: Uuid) => string | undefined) {
    this.topicName = topicName;
  }

  /** Reads the decisions that it has not read yet. */
  follow(decisions: readonly (readonly CoordinatorRecord[])[]): void {
    for (; this.read < decisions.length; this.read++) {
      const records = decisions[this.read]!.map(({ key, value }) => decodeGroupRecord(key, value));
      for (const record of records) if (record !== undefined) this.apply(record);
      this.checkHolders();
    }
  }

  private apply(record: GroupRecord): void {
    switch (record.name) {
      case 'consumerGroupMetadata':
        if (record.value !== null) this.groupEpoch = this.grown('group', this.groupEpoch, record.value.epoch);
        break;
      case 'consumerGroupTargetAssignmentMetadata':
        if (record.value !== null)
          this.assignmentEpoch = this.grown('assignment', this.assignmentEpoch, record.value.assignmentEpoch);
        break;
      case 'consumerGroupTargetAssignmentMember':
        this.targets.set(record.key.memberId, partitions(record.value?.topicPartitions));
        break;
      case 'consumerGroupCurrentMemberAssignment':
        this.assign(record.key.memberId, record.value);
        break;
      case 'consumerGroupMemberMetadata':
        this.subscriptions.set(record.key.memberId, {
          names: record.value?.subscribedTopicNames ?? [],
          regex: record.value?.subscribedTopicRegex ?? null,
        });
        break;
      case 'consumerGroupRegularExpression':
        this.regexes.set(record.key.regularExpression, record.value?.topics ?? []);
        break;
      default:
    }
  }

  /** As in Kafka, an expression that is not resolved yet matches nothing. */
  private subscribes(memberId: string, partition: string): boolean {
    const topic = this.topicName(partition.split('/')[0] as Uuid);
    const { names, regex } = this.subscriptions.get(memberId) ?? { names: [], regex: null };
    if (topic === undefined) return false;
    return names.includes(topic) || (this.regexes.get(regex ?? '') ?? []).includes(topic);
  }

  private assign(memberId: string, value: AssignmentValue | null): void {
    const before = this.assigned.get(memberId) ?? new Set();
    if (value === null) {
      for (const map of [this.assigned, this.pending, this.epochs]) map.delete(memberId);
      return;
    }
    const after = partitions(value.assignedPartitions);
    for (const partition of before) {
      const stays = this.targets.get(memberId)?.has(partition) ?? false;
      if (stays && !after.has(partition) && this.subscribes(memberId, partition))
        this.faults.push(`${memberId} loses ${partition} although it stays in its target`);
    }
    this.assigned.set(memberId, after);
    this.pending.set(memberId, partitions(value.partitionsPendingRevocation));
    const before0 = this.epochs.get(memberId) ?? 0;
    if (value.memberEpoch > 0 && value.memberEpoch < before0)
      this.faults.push(`the epoch of ${memberId} falls from ${before0} to ${value.memberEpoch}`);
    this.epochs.set(memberId, value.memberEpoch);
  }

  private grown(what: string, before: number, after: number): number {
    if (after <= before) this.faults.push(`the ${what} epoch falls from ${before} to ${after}`);
    return after;
  }

  private checkHolders(): void {
    const holders = new Map<string, string>();
    for (const map of [this.assigned, this.pending]) {
      for (const [memberId, held] of map) {
        for (const partition of held) {
          const other = holders.get(partition);
          if (other !== undefined) this.faults.push(`${partition} is held by ${other} and ${memberId}`);
          holders.set(partition, memberId);
        }
      }
    }
  }
}

export function partitions(
  list: readonly { readonly topicId: string; readonly partitions: readonly number[] }[] = [],
): ReadonlySet<string> {
  return new Set(list.flatMap(({ topicId, partitions: all }) => all.map((one) => `${topicId}/${one}`)));
}
