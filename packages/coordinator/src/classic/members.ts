/**
 * The members of a group, its leader, and the counts that the rebalance needs: how many members support a
 * protocol, and how many have a parked join.
 */
import { assert } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import type { Alarm } from '../runtime/alarm.ts';
import type { ParkedJoin } from './calls.ts';
import type { Joining, Member, MemberProtocol } from './member.ts';

export class Members {
  /**
   * The ids that the group gave out with MEMBER_ID_REQUIRED, and that nobody has joined with yet, oldest
   * first. Each id has the alarm that removes it.
   */
  readonly pending = new Map<string, Alarm>();
  /** Members of this generation that have not sent SyncGroup. */
  readonly unsynced = new Set<Member>();
  /** The member id of the leader; null if there are no members. */
  leaderId: string | null = null;
  private readonly byId = new Map<string, Member>();
  private readonly byInstance = new Map<string, Member>();
  private readonly supporters = new Map<string, number>();
  private joinedCount = 0;
  /** The metadata of all protocols of all members, in bytes. */
  private metadataBytes = 0;

  get size(): number {
    return this.byId.size;
  }

  /** Number of members whose join is parked. */
  get joined(): number {
    return this.joinedCount;
  }

  /** True if the join of every member is parked, and no id is pending. */
  get haveAllJoined(): boolean {
    return this.joinedCount === this.byId.size && this.pending.size === 0;
  }

  get(memberId: string): Member | undefined {
    return this.byId.get(memberId);
  }

  withInstance(groupInstanceId: string): Member | undefined {
    return this.byInstance.get(groupInstanceId);
  }

  [Symbol.iterator](): IterableIterator<Member> {
    return this.byId.values();
  }

  isLeader(member: Member): boolean {
    return member.memberId === this.leaderId;
  }

  /**
   * Checks the member id and the instance id of a request. Returns NONE if they belong to one member,
   * otherwise UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID.
   */
  check(memberId: string, groupInstanceId: string | null): ErrorCode {
    if (groupInstanceId !== null) {
      const holder = this.byInstance.get(groupInstanceId);
      if (holder === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
      if (holder.memberId !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
    }
    return this.byId.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
  }

  add(member: Member): void {
    assert(!this.byId.has(member.memberId), 'a member joins once');
    this.byId.set(member.memberId, member);
    if (member.groupInstanceId !== null) {
      assert(!this.byInstance.has(member.groupInstanceId), 'one member for each instance id');
      this.byInstance.set(member.groupInstanceId, member);
    }
    this.count(member.protocols, 1);
    if (member.parkedJoin !== undefined) this.joinedCount++;
    this.leaderId ??= member.memberId;
  }

  /** If the member was the leader, the oldest other member becomes the leader. */
  remove(member: Member): void {
    this.byId.delete(member.memberId);
    if (member.groupInstanceId !== null) this.byInstance.delete(member.groupInstanceId);
    this.count(member.protocols, -1);
    if (member.parkedJoin !== undefined) this.joinedCount--;
    if (this.isLeader(member)) this.leaderId = this.byId.keys().next().value ?? null;
  }

  /**
   * `next` takes the place of the static member `old`. If `old` was the leader, `next` becomes the leader.
   */
  replace(old: Member, next: Member): void {
    const wasLeader = this.isLeader(old);
    this.remove(old);
    this.add(next);
    if (wasLeader) this.leaderId = next.memberId;
  }

  /** From now on the group has exactly these members. */
  become(members: readonly Member[], leaderId: string | null): void {
    this.byId.clear();
    this.byInstance.clear();
    this.supporters.clear();
    this.metadataBytes = 0;
    this.joinedCount = 0;
    this.leaderId = leaderId;
    for (const member of members) this.add(member);
    for (const member of this.unsynced)
      if (this.byId.get(member.memberId) !== member) this.unsynced.delete(member);
  }

  update(member: Member, { protocols, rebalanceTimeoutMs, sessionTimeoutMs }: Joining): void {
    this.count(member.protocols, -1);
    member.protocols = protocols;
    this.count(protocols, 1);
    member.rebalanceTimeoutMs = rebalanceTimeoutMs;
    member.sessionTimeoutMs = sessionTimeoutMs;
  }

  /**
   * Returns a copy of these protocols. In most groups all members have equal protocols. So if the group's
   * first member has exactly these protocols, the result is the first member's array, and the group keeps the
   * bytes only once.
   */
  copyOf(protocols: readonly MemberProtocol[]): readonly MemberProtocol[] {
    const [first] = this;
    if (first?.supportsExactly(protocols)) return first.protocols;
    return protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) }));
  }

  /** Parks a join. Returns the member's earlier join if one was parked. */
  parkJoin(member: Member, call: ParkedJoin): ParkedJoin | undefined {
    const earlier = member.parkedJoin;
    if (earlier === undefined) this.joinedCount++;
    member.parkedJoin = call;
    return earlier;
  }

  takeJoin(member: Member): ParkedJoin | undefined {
    const call = member.parkedJoin;
    if (call !== undefined) this.joinedCount--;
    member.parkedJoin = undefined;
    return call;
  }

  /** True if the list has a protocol that every member supports. */
  support(protocols: readonly MemberProtocol[]): boolean {
    return protocols.some(({ name }) => (this.supporters.get(name) ?? 0) === this.byId.size);
  }

  /**
   * Elects the leader of the next generation: the present leader if its join is parked, or else the first
   * member whose join is parked. Returns false if no join is parked.
   */
  electLeader(): boolean {
    const leader = this.leaderId === null ? undefined : this.byId.get(this.leaderId);
    if (leader?.parkedJoin !== undefined) return true;
    for (const member of this) {
      if (member.parkedJoin === undefined) continue;
      this.leaderId = member.memberId;
      return true;
    }
    return false;
  }

  /** The largest rebalance timeout of the members. */
  get rebalanceTimeoutMs(): number {
    let largest = 0;
    for (const member of this) largest = Math.max(largest, member.rebalanceTimeoutMs);
    return largest;
  }

  /**
   * How many bytes of metadata all members would have if `member` changed its protocols to these. `member`
   * undefined: if a new member with these protocols joined.
   */
  metadataBytesWith(protocols: readonly Pick<MemberProtocol, 'metadata'>[], member?: Member): number {
    return this.metadataBytes + bytesOf(protocols) - bytesOf(member?.protocols ?? []);
  }

  private count(protocols: readonly MemberProtocol[], change: 1 | -1): void {
    this.metadataBytes += change * bytesOf(protocols);
    // A client may name a protocol twice. Then the client counts once as a supporter.
    for (const name of new Set(protocols.map((protocol) => protocol.name))) {
      const count = (this.supporters.get(name) ?? 0) + change;
      if (count === 0) this.supporters.delete(name);
      else this.supporters.set(name, count);
    }
  }
}

function bytesOf(protocols: readonly Pick<MemberProtocol, 'metadata'>[]): number {
  return protocols.reduce((sum, { metadata }) => sum + metadata.length, 0);
}

/**
 * Chooses the group's protocol. Each member votes for the first of its protocols that all members support.
 * The protocol with the most votes wins. Among protocols with equally many votes, the one that got its first
 * vote earlier wins.
 */
export function chooseProtocol(members: readonly (readonly MemberProtocol[])[]): string {
  const supporters = new Map<string, number>();
  for (const protocols of members)
    for (const name of new Set(protocols.map((protocol) => protocol.name)))
      supporters.set(name, (supporters.get(name) ?? 0) + 1);
  const votes = new Map<string, number>();
  for (const protocols of members) {
    const choice = protocols.find(({ name }) => supporters.get(name) === members.length);
    assert(choice !== undefined, 'the members have a protocol in common');
    votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  let best: [name: string, votes: number] | undefined;
  for (const entry of votes) if (best === undefined || entry[1] > best[1]) best = entry;
  assert(best !== undefined, 'an empty group has no protocol');
  return best[0];
}
