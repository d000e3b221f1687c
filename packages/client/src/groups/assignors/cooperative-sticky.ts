/**
 * The cooperative sticky assignor: members keep what they own, as far as the numbers of partitions stay
 * balanced. A partition that moves goes to nobody in this round (KIP-429). Its owner gives it up first and
 * joins again, and the next round assigns it.
 */
import { partitionName, sorted, type TopicPartition } from '../topic-partitions.ts';
import {
  type Assignments,
  type Assignor,
  inOrder,
  type PartitionCounts,
  type SubscribedMember,
} from './assignor.ts';

const GENERATION_BYTES = 4;

export const cooperativeStickyAssignor: Assignor = {
  name: 'cooperative-sticky',
  isCooperative: true,
  userData(generation) {
    const bytes = new Uint8Array(GENERATION_BYTES);
    new DataView(bytes.buffer).setInt32(0, generation);
    return bytes;
  },
  generationIn(userData) {
    if (userData === null || userData.length < GENERATION_BYTES) return -1;
    return new DataView(userData.buffer, userData.byteOffset).getInt32(0);
  },
  assign(members, partitions) {
    const balance = new Balance(members, partitions);
    balance.keepOwned();
    balance.placeOthers();
    balance.even();
    return balance.withoutMoving();
  },
};

class Balance {
  private readonly members: readonly SubscribedMember[];
  private readonly partitions: readonly TopicPartition[];
  private readonly subscribed = new Map<string, SubscribedMember[]>();
  private readonly assigned: Assignments = new Map();
  /** The members that claim a partition as theirs, by partition. */
  private readonly claims = new Map<string, SubscribedMember[]>();
  private readonly placed = new Set<string>();

  constructor(members: readonly SubscribedMember[], counts: PartitionCounts) {
    this.members = inOrder(members);
    this.partitions = sorted(
      [...counts].flatMap(([topic, count]) =>
        Array.from({ length: count }, (_, partition) => ({ topic, partition })),
      ),
    );
    for (const topic of counts.keys())
      this.subscribed.set(
        topic,
        this.members.filter(({ topics }) => topics.includes(topic)),
      );
    for (const member of this.members) {
      this.assigned.set(member.memberId, []);
      for (const { topic, partitions } of member.owned)
        for (const partition of partitions) {
          const name = partitionName({ topic, partition });
          const known = this.claims.get(name);
          if (known === undefined) this.claims.set(name, [member]);
          else known.push(member);
        }
    }
  }

  /**
   * Leaves each claimed partition with the member that claims it in the newest generation. If two members
   * claim it in that generation, both lose it.
   */
  keepOwned(): void {
    for (const place of this.partitions) {
      const claims = this.claims.get(partitionName(place)) ?? [];
      const newest = Math.max(...claims.map(({ generation }) => generation));
      const owners = claims.filter(({ generation }) => generation === newest);
      const [owner] = owners;
      if (owners.length === 1 && owner!.topics.includes(place.topic)) this.place(owner!, place);
    }
  }

  /** Places the other partitions, beginning with those that the fewest members may own. */
  placeOthers(): void {
    const free = this.partitions.filter((place) => !this.placed.has(partitionName(place)));
    const choices = ({ topic }: TopicPartition) => this.subscribed.get(topic)!.length;
    for (const place of free.sort((a, b) => choices(a) - choices(b))) {
      const member = this.leastLoaded(place.topic);
      if (member !== undefined) this.place(member, place);
    }
  }

  /**
   * Moves partitions from a member to one that has at least two fewer, until no such move is left. The sum of
   * the squares of all counts shrinks with each move, so the loop ends.
   */
  even(): void {
    for (let hasMoved = true; hasMoved; ) {
      hasMoved = false;
      const heaviest = [...this.members].sort((a, b) => this.load(b) - this.load(a));
      for (const member of heaviest) if (this.lighten(member)) hasMoved = true;
    }
  }

  /**
   * Returns the assignments of this round. A member does not get a partition that only other members claim.
   */
  withoutMoving(): Assignments {
    for (const { memberId } of this.members) {
      const kept = this.assigned.get(memberId)!.filter((place) => {
        const claims = this.claims.get(partitionName(place)) ?? [];
        return claims.length === 0 || claims.some((member) => member.memberId === memberId);
      });
      this.assigned.set(memberId, sorted(kept));
    }
    return this.assigned;
  }

  private lighten(member: SubscribedMember): boolean {
    const mine = this.assigned.get(member.memberId)!;
    // First moves the partitions that the member does not own yet, because nobody has to give them up.
    const owns = (place: TopicPartition) => (this.claims.get(partitionName(place))?.includes(member) ? 1 : 0);
    let hasMoved = false;
    for (const place of mine.toReversed().sort((a, b) => owns(a) - owns(b))) {
      const other = this.leastLoaded(place.topic)!;
      if (this.load(member) - this.load(other) < 2) continue;
      mine.splice(mine.indexOf(place), 1);
      this.place(other, place);
      hasMoved = true;
    }
    return hasMoved;
  }

  private place({ memberId }: SubscribedMember, place: TopicPartition): void {
    this.assigned.get(memberId)!.push(place);
    this.placed.add(partitionName(place));
  }

  private load({ memberId }: SubscribedMember): number {
    return this.assigned.get(memberId)!.length;
  }

  private leastLoaded(topic: string): SubscribedMember | undefined {
    let least: SubscribedMember | undefined;
    for (const member of this.subscribed.get(topic)!)
      if (least === undefined || this.load(member) < this.load(least)) least = member;
    return least;
  }
}
