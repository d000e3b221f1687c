/**
 * The code that is the same for members of classic groups and of KIP-848 groups: the choice of the lane (a
 * connection, lane.ts), commits, retries, and death.
 */
import { apis, ErrorCode } from '@millrace/protocol';
import type { Group } from './group.ts';
import type { Lane } from './lane.ts';

/**
 * How a request ended. `loading`: the coordinator still loads the group. `lost`: the connection broke, or the
 * broker does not coordinate the group. `out`: the coordinator does not know the member, or has fenced it.
 * `rebalance`: the member must join again. `failed`: any other error.
 */
export type Outcome = 'ok' | 'loading' | 'lost' | 'out' | 'rebalance' | 'failed';
export type Done = (outcome: Outcome) => void;

const COMMIT_VERSION = 9;
/** Pause before a retry: the default of retry.backoff.ms in Kafka's clients. */
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

/** `errorCode`: undefined if the lane broke. */
export function outcomeOf(errorCode: number | undefined): Outcome {
  return errorCode === undefined ? 'lost' : (outcomes.get(errorCode) ?? 'failed');
}

export abstract class Member {
  readonly group: Group;
  readonly laneIndex: number;
  /** The partitions that the member owns. */
  partitions: readonly number[] = [];
  /** The generation of a classic group, or the member epoch in a KIP-848 group. */
  epoch = -1;
  /** True if the member is in the group, and is not in the middle of a JoinGroup or SyncGroup. */
  isStable = false;
  isDead = false;
  /** When, as far as the member knows, the coordinator last began a new session for it. */
  heardMs = 0;
  protected memberId = '';
  #commits = false;

  constructor(group: Group, laneIndex: number) {
    this.group = group;
    this.laneIndex = laneIndex;
  }

  /**
   * Sends a heartbeat. Returns false and sends nothing if an earlier heartbeat has no answer yet, or if the
   * member cannot send.
   */
  abstract heartbeat(done?: Done): boolean;
  /** Starts to join the group. */
  abstract join(): void;
  /** Called when the group's coordinator is known again. The member continues with a heartbeat or a join. */
  abstract resume(): void;
  /** Sends the request with which a member of this protocol leaves its group. */
  protected abstract sendLeave(lane: Lane): void;

  /**
   * Sends a commit. Returns false and sends nothing if an earlier commit has no answer yet, or if the member
   * cannot send.
   */
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

  /** The member stops without leaving the group. So the coordinator removes it when its session ends. */
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

  /** The dead member joins again, as a new member. */
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
   * Counts a failure of a request to `broker`. If the outcome is `lost`, the fleet looks up the group's
   * coordinator. If the group already knows another coordinator, only the member resumes.
   */
  protected failed(what: string, outcome: Outcome, broker: number): void {
    const { world } = this.group;
    if (this.isDead) return;
    if (outcome === 'out') world.thrownOut++;
    world.complain(what);
    if (outcome !== 'lost') return;
    if (this.group.coordinator === broker) world.fleet.lose(this.group);
    else if (this.group.coordinator !== undefined) this.later(RETRY_MS, () => this.resume());
  }

  protected later(ms: number, action: () => void): void {
    setTimeout(() => this.group.world.isClosed || this.isDead || action(), ms);
  }
}
