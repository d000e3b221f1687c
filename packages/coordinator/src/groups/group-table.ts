/**
 * The groups of a shard, by group id. Makes and drops groups, gives each record to the group that it belongs
 * to, and changes the type of a group between classic and KIP-848.
 */
import { ErrorCode } from '@millrace/protocol';
import { ClassicGroup, type GroupValue, groupTombstone } from '../classic/index.ts';
import { ConsumerGroup } from '../consumer/group.ts';
import { type ConsumerGroupRecord, encodeRecord } from '../consumer/group-records.ts';
import { isRefusal, type Refusal } from '../consumer/refusal.ts';
import { upgradeRecords } from '../consumer/upgrade.ts';
import type { WriteNumber } from '../runtime/machine.ts';
import { classicSeams, consumerPorts, type GroupSurroundings } from './group-ports.ts';
import { consumerGroupSettings } from './group-settings.ts';
import { type PastRebalance, RebalanceHistory } from './rebalance-history.ts';

export type Group = ClassicGroup | ConsumerGroup;

interface Deleted {
  readonly groupId: string;
  /** The decision that deleted the group. */
  readonly write: WriteNumber;
  readonly rebalances: readonly PastRebalance[];
}

export class GroupTable {
  readonly history = new RebalanceHistory();
  private readonly surroundings: GroupSurroundings;
  private readonly groups = new Map<string, Group>();
  /** The last decision that deleted a group, or changed its type. */
  private lastDropped: WriteNumber = 0;
  /** Set only during `upgrade`: the consumer group that shall take the place of a classic group. */
  private successor: ConsumerGroup | undefined;
  /**
   * The last deleted group. If the decision that deleted it also makes a group with the same id, the group
   * has changed its type.
   */
  private lastDeleted: Deleted | undefined;

  constructor(surroundings: GroupSurroundings) {
    this.surroundings = surroundings;
  }

  get(groupId: string): Group | undefined {
    return this.groups.get(groupId);
  }

  /**
   * The last decision about the group. If the group does not exist: the decision that deleted it, or a later
   * one.
   */
  lastWriteOf(groupId: string): WriteNumber {
    return this.groups.get(groupId)?.lastWrite ?? this.lastDropped;
  }

  entries(): IterableIterator<[string, Group]> {
    return this.groups.entries();
  }

  /** The group ids, in any order. The iterator stays valid while groups are made and deleted. */
  ids(): IterableIterator<string> {
    return this.groups.keys();
  }

  replayClassic(groupId: string, value: GroupValue | null): void {
    const group = this.groups.get(groupId);
    if (value === null) {
      if (group instanceof ClassicGroup) this.dropDeleted(group);
    } else if (group instanceof ClassicGroup) group.replay(value);
    else {
      this.makeClassic(groupId, this.surroundings.port.lastWrite).replay(value);
      this.continueHistory(groupId);
    }
  }

  replayConsumer(record: ConsumerGroupRecord): void {
    const { groupId } = record.key;
    let group = this.groups.get(groupId);
    if (!(group instanceof ConsumerGroup)) {
      if (record.value === null) return;
      group = this.takeSuccessor(groupId) ?? this.newConsumer(groupId, this.surroundings.port.lastWrite);
      this.groups.set(groupId, group);
      this.continueHistory(groupId);
    }
    group.replay(record);
    if (!group.exists) this.dropDeleted(group);
  }

  /** `lastWrite`: answers of the group wait for this decision. */
  makeClassic(groupId: string, lastWrite = this.lastDropped): ClassicGroup {
    const group = new ClassicGroup(groupId, classicSeams(groupId, this.surroundings, this.history));
    group.follow(lastWrite);
    this.groups.set(groupId, group);
    return group;
  }

  makeConsumer(groupId: string): ConsumerGroup {
    const group = this.newConsumer(groupId, this.lastDropped);
    this.groups.set(groupId, group);
    return group;
  }

  /** `lastWrite`: answers of the group wait for this decision. */
  private newConsumer(groupId: string, lastWrite: WriteNumber): ConsumerGroup {
    const ports = consumerPorts(groupId, this.surroundings, this.history);
    const maxSize = () => this.surroundings.config.classic.maxSize;
    const classic = { maxSize, becameClassic: () => this.becameClassic(groupId) };
    const group = new ConsumerGroup(groupId, { ...ports, classic });
    group.follow(lastWrite);
    return group;
  }

  private takeSuccessor(groupId: string): ConsumerGroup | undefined {
    const { successor } = this;
    if (successor?.groupId !== groupId) return undefined;
    this.successor = undefined;
    return successor;
  }

  /** Called when the replayed record has deleted the group. */
  private dropDeleted(group: Group): void {
    const { groupId } = group;
    const write = this.surroundings.port.lastWrite;
    this.lastDropped = write;
    this.lastDeleted = { groupId, write, rebalances: this.history.of(groupId) };
    this.remove(group);
    if (group instanceof ClassicGroup) group.replaced(this.lastDropped);
    else group.ended();
  }

  /** Forgets a group that has no record in the log and no members. */
  drop(group: Group): void {
    if (this.groups.get(group.groupId) !== group) return;
    this.lastDropped = Math.max(this.lastDropped, group.lastWrite);
    this.remove(group);
    group.ended(ErrorCode.UNKNOWN_MEMBER_ID);
  }

  /**
   * Called when a replayed record has made the group. If the same decision deleted an earlier group with this
   * id, it only changed the type of the group. The new object then gets the history of the earlier one.
   */
  private continueHistory(groupId: string): void {
    const { lastDeleted } = this;
    const isSame = lastDeleted?.groupId === groupId && lastDeleted.write === this.surroundings.port.lastWrite;
    if (isSame) this.history.restore(groupId, lastDeleted.rebalances);
  }

  private remove({ groupId }: Group): void {
    this.groups.delete(groupId);
    this.history.forget(groupId);
  }

  /** Deletes an empty consumer group, so that a classic group can begin under its id. */
  removeEmpty(group: ConsumerGroup): ErrorCode {
    const rebalances = this.history.of(group.groupId);
    const errorCode = this.surroundings.port.write(group.tombstones().map(encodeRecord));
    if (errorCode === ErrorCode.NONE) this.history.restore(group.groupId, rebalances);
    return errorCode;
  }

  /**
   * Turns a classic group into a consumer group, because a member joins with the consumer protocol. `join`
   * must pass the member's heartbeat to the new group. The new group makes one decision of the join and the
   * change of type. If the new group refuses the join, the classic group stays as it is. If the group cannot
   * change its type, `upgrade` returns the reason and does not call `join`.
   */
  upgrade(group: ClassicGroup, join: (upgraded: ConsumerGroup) => void): Refusal | undefined {
    const { groupId } = group;
    const { port, config } = this.surroundings;
    const image = port.image();
    const settings = consumerGroupSettings(image, config, groupId);
    const records = group.isEmpty ? [] : upgradeRecords(group, settings, image);
    if (isRefusal(records)) return records;
    const upgraded = this.newConsumer(groupId, group.lastWrite);
    const isRebalancing = !group.isEmpty && group.state !== 'Stable';
    upgraded.beginWith({ tombstone: groupTombstone(groupId), records, isRebalancing });
    this.successor = upgraded;
    join(upgraded);
    this.successor = undefined;
    if (this.groups.get(groupId) === upgraded) upgraded.loaded();
    else upgraded.ended();
    return undefined;
  }

  /**
   * Called when the group's last member of the consumer protocol has left, and the group is classic now. The
   * group begins a rebalance, so that the other members join the classic group.
   */
  private becameClassic(groupId: string): void {
    const group = this.groups.get(groupId);
    if (group instanceof ClassicGroup) group.loaded('became-classic');
  }
}
