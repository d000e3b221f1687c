/** What both kinds of members share: their lane, commits, retries, and death. */
import { apis, ErrorCode } from '@millrace/protocol';
import type { Group } from './group.ts';
import type { Lane } from './lane.ts';

/** How a request ended. `out`: the coordinator does not know the member, or has fenced it. */
export type Outcome = 'ok' | 'loading' | 'lost' | 'out' | 'rebalance' | 'failed';
export type Done = (outcome: Outcome) => void;

const COMMIT_VERSION = 9;
/** Pause before a retry, as the retry backoff of clients. */
export const RETRY_MS = 100;

const outcomes = new Map<number, Outcome>([
  [ErrorCode.NONE, 'ok'],
  [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 'loading'],
  [ErrorCode.COORDINATOR_NOT_AVAILABLE, 'lost'],
  [ErrorCode.NOT_COORDINATOR, 'lost'],
  [ErrorCode.UNKNOWN_MEMBER_ID, 'out'],
  [ErrorCode.FENCED_MEMBER_EPOCH, 'out'],
  [ErrorCode.FENCED_INSTANCE_ID, 'out'],
  [ErrorCode.GROUP_ID_NOT_FOUND, 'out'],
  [ErrorCode.REBALANCE_IN_PROGRESS, 'rebalance'],
  [ErrorCode.ILLEGAL_GENERATION, 'rebalance'],
  [ErrorCode.STALE_MEMBER_EPOCH, 'rebalance'],
]);

/** Undefined: the lane broke. */
export function outcomeOf(errorCode: number | undefined): Outcome {
  return errorCode === undefined ? 'lost' : (outcomes.get(errorCode) ?? 'failed');
}

export abstract class Member {
  readonly group: Group;
  readonly laneIndex: number;
  /** The partitions that the member owns. */
  partitions: readonly number[] = [];
  /** Generation, or member epoch. */
  epoch = -1;
  /** The member is in the group, and does not join or sync now. */
  isStable = false;
  isDead = false;
  /** When the coordinator last reset the member's session, as far as the member knows. */
  heardMs = 0;
  protected memberId = '';
  #commits = false;

  constructor(group: Group, laneIndex: number) {
    this.group = group;
    this.laneIndex = laneIndex;
  }

  /** Returns false, and sends nothing, while an earlier one is under way, or the member cannot send. */
  abstract heartbeat(done?: Done): boolean;
  /** Starts to join the group. */
  abstract join(): void;
  /** The group's coordinator is known again. */
  abstract resume(): void;
  /** Leaves the group with the request of its protocol. */
  protected abstract sendLeave(lane: Lane): void;

  /** Returns false, and sends nothing, while an earlier one is under way, or the member cannot send. */
  commit(done?: Done): boolean {
    const { group, partitions } = this;
    const { coordinator } = group;
    if (coordinator === undefined || this.#commits || !this.isStable || this.isDead) return false;
    this.#commits = true;
    const committedOffset = group.nextOffset(partitions);
    const body = {
      groupId: group.id,
      generationIdOrMemberEpoch: this.epoch,
      memberId: this.memberId,
      topics: [
        {
          name: group.world.topic,
          partitions: partitions.map((partitionIndex) => ({
            partitionIndex,
            committedOffset,
            committedMetadata: '',
          })),
        },
      ],
    };
    this.laneTo(coordinator).request(apis.offsetCommit, COMMIT_VERSION, body, (answer) => {
      this.#commits = false;
      const codes = answer?.topics[0]?.partitions.map(({ errorCode }) => errorCode) ?? [];
      const outcome = outcomeOf(answer === undefined ? undefined : (codes.find((code) => code !== 0) ?? 0));
      if (outcome === 'ok') {
        group.acknowledged(partitions, committedOffset);
        group.world.committed?.(this, coordinator);
      } else this.failed(`commit ${codes.find((code) => code !== 0) ?? 'lost'}`, outcome, coordinator);
      if (outcome === 'loading') this.later(RETRY_MS, () => this.commit());
      done?.(outcome);
    });
    return true;
  }

  /** Stops without leaving, so the coordinator removes the member when its session ends. */
  die(): void {
    this.isDead = true;
    this.isStable = false;
    this.partitions = [];
  }

  leave(): void {
    const { coordinator } = this.group;
    if (coordinator !== undefined) this.sendLeave(this.laneTo(coordinator));
    this.die();
  }

  /** A new member takes the place of the dead one. */
  revive(): void {
    this.isDead = false;
    this.memberId = '';
    this.epoch = -1;
    this.group.wantsToJoin(this);
  }

  protected laneTo(broker: number): Lane {
    return this.group.world.fleet.lane(broker, this.laneIndex);
  }

  /**
   * Counts a failure. If `broker` no longer coordinates (`lost`), the group looks for its coordinator, unless
   * it knows another one already.
   */
  protected failed(what: string, outcome: Outcome, broker: number): void {
    const { world } = this.group;
    if (this.isDead) return;
    if (outcome === 'out') world.thrownOut++;
    if (outcome !== 'loading' && outcome !== 'lost') world.complain(what);
    if (outcome !== 'lost') return;
    if (this.group.coordinator === broker) world.fleet.lose(this.group);
    else if (this.group.coordinator !== undefined) this.later(RETRY_MS, () => this.resume());
  }

  protected later(ms: number, action: () => void): void {
    setTimeout(() => this.group.world.isClosed || this.isDead || action(), ms);
  }
}
