/**
 * An unfinished decision: its records so far, and the state that the group would have after these records.
 * The group itself does not change until the shard accepts the records.
 */
import type { MetadataImage } from '@millrace/metadata';
import { type ConsumerGroupRecord, groupEpochRecord, partitionMetadataTombstone } from './group-records.ts';
import type { GroupState } from './group-state.ts';
import type { Rebalance } from './ports.ts';
import { subscriptionHash } from './subscriptions.ts';

export type Cause = Omit<Rebalance, 'epoch'>;

/** The first records of a group that takes the place of a classic group. */
export interface FirstRecords {
  /** They make a consumer group with the members of the classic group; none if that has no members. */
  readonly records: readonly ConsumerGroupRecord[];
  /** The classic group has members and is in a rebalance. */
  readonly isRebalancing: boolean;
}

export class Decision {
  readonly groupId: string;
  readonly records: ConsumerGroupRecord[];
  readonly rebalances: Rebalance[] = [];
  /** The state before the decision. */
  readonly before: GroupState;
  /** The decision ends a rebalance of the classic group that this group replaces. */
  readonly endsRebalance: boolean;
  private draft: GroupState | undefined;

  /**
   * `records`: the first records of the decision. The log does not have them, but `before` already contains
   * their effect.
   */
  constructor(
    groupId: string,
    before: GroupState,
    { records, isRebalancing: endsRebalance }: FirstRecords = { records: [], isRebalancing: false },
  ) {
    this.groupId = groupId;
    this.before = before;
    this.records = [...records];
    this.endsRebalance = endsRebalance;
  }

  /** The state after the records so far. */
  get state(): GroupState {
    return this.draft ?? this.before;
  }

  add(...records: ConsumerGroupRecord[]): void {
    this.draft ??= this.before.copy();
    for (const record of records) {
      this.draft.replay(record);
      this.records.push(record);
    }
  }

  /** Raises the group epoch. Then the target assignment is no longer up to date. */
  raiseEpoch(image: MetadataImage, cause: Cause): void {
    const { state, groupId } = this;
    const epoch = state.groupEpoch + 1;
    this.add(groupEpochRecord(groupId, { epoch, metadataHash: subscriptionHash(state, image) }));
    if (state.hasPartitionMetadata) this.add(partitionMetadataTombstone(groupId));
    this.rebalances.push({ epoch, ...cause });
  }
}
