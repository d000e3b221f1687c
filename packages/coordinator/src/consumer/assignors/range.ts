/**
 * The assignor `range`: cuts each topic into ranges, one for each subscriber, in the order of the members. If
 * two topics have the same partition count and the same subscribers, a member gets the same partition numbers
 * of both. Then the member can match the records of these topics by key. Static members come first, in the
 * order of their instance ids, so a static member that restarts keeps its ranges.
 */
import type { Uuid } from '@millrace/base';
import { type AssignorInput, type AssignorMember, byMemberId, type TargetAssignment } from './assignor.ts';

export function assignRange({ members, partitionCounts }: AssignorInput): TargetAssignment {
  const ordered = [...members].sort(staticFirst);
  const target = new Map(ordered.map(({ memberId }) => [memberId, new Map<Uuid, number[]>()]));
  for (const [topic, count] of partitionCounts) {
    const subscribers = ordered.filter(({ topics }) => topics.has(topic));
    const least = Math.floor(count / subscribers.length);
    const larger = count % subscribers.length;
    let start = 0;
    subscribers.forEach(({ memberId }, index) => {
      const end = start + least + (index < larger ? 1 : 0);
      if (end > start) target.get(memberId)!.set(topic, range(start, end));
      start = end;
    });
  }
  return target;
}

function staticFirst(a: AssignorMember, b: AssignorMember): number {
  if (a.instanceId === null && b.instanceId === null) return byMemberId(a, b);
  if (a.instanceId === null) return 1;
  if (b.instanceId === null) return -1;
  return a.instanceId < b.instanceId ? -1 : a.instanceId > b.instanceId ? 1 : byMemberId(a, b);
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}
