/**
 * The coordinator refuses the commit of a fenced member:
 *
 * - Classic groups: once a member has synchronized with a generation, no commit of an earlier generation
 *   succeeds. An answer to JoinGroup does not count, because no record of the new generation exists before
 *   the leader's SyncGroup. A coordinator that ends before that loses the generation.
 * - KIP-848 groups: once a member has got a partition in a member epoch, other members can commit offsets of
 *   the partition only with this epoch or a later one. The member that has the partition may still commit
 *   with an older epoch (KIP-1251).
 * - Both kinds of groups: once a member has taken over a group instance id, the member that had the id before
 *   can commit nothing, unless it joins again and takes the id back.
 */
import type { HistoryCheckerKind, HistoryScope } from '../checker.ts';
import type { CommitOp, MemberRef, MembershipOp, Micros, Op } from '../history.ts';
import { OFFSETS_TOPIC, secondsText } from '../offset-registers.ts';

const NAME = 'fenced-commit-accepted';

export const fencedCommitAccepted: HistoryCheckerKind = {
  name: NAME,
  sentence:
    'the coordinator accepts no commit of a member whose generation, member epoch or instance id is fenced',
  make: (scope) => new FencedCommitAccepted(scope),
};

/** An answer to one member that fences other members from `sinceUs` on. */
interface Fence {
  /** When the client sent the request: the coordinator decided then or later. */
  readonly askedUs: Micros;
  readonly sinceUs: Micros;
  readonly member: MemberRef;
}

class FencedCommitAccepted {
  private readonly scope: HistoryScope;
  private readonly commits: CommitOp[] = [];
  /** By group: the answers that began a new generation. */
  private readonly generations = new Map<string, Fence[]>();
  /**
   * By group and partition: the answers that assigned the partition to another member than the answer before,
   * or in a newer epoch.
   */
  private readonly assignments = new Map<string, Fence[]>();
  /**
   * By group and instance id: the answers with which a member took the id, in the order in which they
   * arrived. Further answers to the member that has the id are not here.
   */
  private readonly instances = new Map<string, Fence[]>();

  constructor(scope: HistoryScope) {
    this.scope = scope;
  }

  op(op: Op): void {
    if (op.type === 'membership') this.joined(op);
    else if (op.type === 'commit' && op.outcome === 'ok' && op.member !== undefined) this.commits.push(op);
  }

  finish(): void {
    if (this.scope.isExempt({ topic: OFFSETS_TOPIC, topicId: undefined })) return;
    for (const commit of this.commits) {
      const fence = this.fenceOf(commit, commit.member!);
      if (fence === undefined) continue;
      const { client, group, topic, partition, offset, member, endedUs } = commit;
      this.scope.report(
        NAME,
        `the commit of ${offset} for ${topic}-${partition} by ${client} as ${text(member!)} of group ${group} was acknowledged at ${secondsText(endedUs)}, but ${text(fence.member)} had the place since ${secondsText(fence.sinceUs)}`,
      );
    }
  }

  private joined(op: MembershipOp): void {
    const { group, protocol, memberId, instanceId, epoch, assigned, isJoin, invokedUs, endedUs } = op;
    const fence: Fence = { askedUs: invokedUs, sinceUs: endedUs, member: { memberId, instanceId, epoch } };
    const isNewer = (last: Fence | undefined) => last === undefined || last.member.epoch < epoch;
    if (protocol === 'classic') append(this.generations, group, fence, isNewer);
    else
      for (const { topic, topicId, partition } of assigned ?? [])
        append(
          this.assignments,
          `${group}/${topicId ?? topic}-${partition}`,
          fence,
          (last) => isNewer(last) || last?.member.memberId !== memberId,
        );
    if (instanceId === null) return;
    const known = this.instances.get(`${group}/${instanceId}`) ?? [];
    const isNew = known.every(({ member }) => member.memberId !== memberId);
    append(this.instances, `${group}/${instanceId}`, fence, (last) => {
      if (isNew || last === undefined) return true;
      if (!isJoin || last.member.memberId === memberId) return false;
      // If the two calls overlap, nobody knows which answer the coordinator gave first. Then only a lower
      // epoch shows that this answer is the older one.
      return invokedUs >= last.sinceUs || epoch >= last.member.epoch;
    });
  }

  private fenceOf(commit: CommitOp, { memberId, instanceId, epoch }: MemberRef): Fence | undefined {
    const { group, topic, topicId, partition, invokedUs } = commit;
    const isBefore = ({ sinceUs }: Fence) => sinceUs < invokedUs;
    const newer = this.generations.get(group)?.find((one) => isBefore(one) && one.member.epoch > epoch);
    if (newer !== undefined) return newer;
    const owner = this.assignments
      .get(`${group}/${topicId ?? topic}-${partition}`)
      ?.find((one) => isBefore(one) && one.member.epoch > epoch && one.member.memberId !== memberId);
    if (owner !== undefined || instanceId === null) return owner;
    const holders = this.instances.get(`${group}/${instanceId}`) ?? [];
    const own = holders.findLast((one) => isBefore(one) && one.member.memberId === memberId);
    // Compares with `askedUs`, because answers may arrive in another order than the coordinator gave them.
    return own && holders.find((one) => isBefore(one) && one.askedUs >= own.sinceUs && one !== own);
  }
}

function append(
  fences: Map<string, Fence[]>,
  key: string,
  fence: Fence,
  isNews: (last: Fence | undefined) => boolean,
): void {
  const list = fences.get(key) ?? [];
  if (isNews(list.at(-1))) list.push(fence);
  fences.set(key, list);
}

function text({ memberId, instanceId, epoch }: MemberRef): string {
  const instance = instanceId === null ? '' : ` (${instanceId})`;
  return `member ${memberId}${instance} in epoch ${epoch}`;
}
