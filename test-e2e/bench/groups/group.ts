/**
 * One group of the load generator: its members, whether it has settled, and the offsets that its members
 * committed.
 */
import { ClassicMember } from './classic-member.ts';
import { ConsumerMember } from './consumer-member.ts';
import type { Coordinated } from './fleet.ts';
import type { Member } from './member.ts';
import type { World } from './world.ts';

export type Protocol = 'classic' | 'consumer';

export class Group implements Coordinated {
  readonly id: string;
  readonly world: World;
  readonly members: readonly Member[];
  coordinator: number | undefined;
  /** For each partition, the highest offset whose commit the coordinator acknowledged. */
  readonly acknowledgedOffsets: Int32Array;
  /** For each partition, the highest offset that a member sent in a commit. */
  readonly sentOffsets: Int32Array;
  readonly #laneSet: number;
  readonly #joining = new Set<Member>();
  #lastOffset = 0;
  #driver: NodeJS.Timeout | undefined;
  #waiting: { readonly epoch: number; readonly done: () => void }[] = [];

  constructor(world: World, id: string, coordinator: number, index: number) {
    this.world = world;
    this.id = id;
    this.coordinator = coordinator;
    this.#laneSet = index % world.gates.length;
    const Kind = world.protocol === 'classic' ? ClassicMember : ConsumerMember;
    const firstLane = this.#laneSet * world.membersPerGroup;
    this.members = Array.from({ length: world.membersPerGroup }, (_, i) => new Kind(this, firstLane + i));
    this.acknowledgedOffsets = new Int32Array(world.partitions);
    this.sentOffsets = new Int32Array(world.partitions);
  }

  /** The generation or epoch of the first member that is alive. */
  get epoch(): number {
    return this.members.find(({ isDead }) => !isDead)?.epoch ?? -1;
  }

  /**
   * True if all living members are stable in the same generation, and each partition has exactly one owner
   * among them.
   */
  get isSettled(): boolean {
    const { epoch } = this;
    const owned = new Set<number>();
    let count = 0;
    for (const member of this.members) {
      if (member.isDead) continue;
      if (!member.isStable || member.epoch !== epoch) return false;
      count += member.partitions.length;
      for (const partition of member.partitions) owned.add(partition);
    }
    return count === this.world.partitions && owned.size === count;
  }

  /** Calls `done` once, when the group is settled in a later generation than `epoch`. */
  whenSettledAfter(epoch: number, done: () => void): void {
    this.#waiting.push({ epoch, done });
    this.changed();
  }

  /** Call it when the assignment or the epoch of a member has changed. */
  changed(): void {
    if (!this.isSettled) return;
    clearInterval(this.#driver);
    this.#driver = undefined;
    this.#gate.leave(this);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ epoch }) => epoch >= this.epoch);
    for (const { epoch, done } of waiting) if (epoch < this.epoch) done();
  }

  /** Makes the member join as soon as the gate lets this group in. */
  wantsToJoin(member: Member): void {
    if (this.#gate.isInside(this)) member.join();
    else {
      this.#joining.add(member);
      this.#gate.enter(this, () => this.#enter());
    }
  }

  found(): void {
    this.world.coordinatorFound?.(this);
    for (const member of this.members) member.resume();
    this.members.find(({ isDead }) => !isDead)?.commit();
  }

  /** Returns the offset for the next commit of these partitions. Each call returns a larger offset. */
  nextOffset(partitions: readonly number[]): number {
    this.#lastOffset++;
    for (const partition of partitions) this.sentOffsets[partition] = this.#lastOffset;
    return this.#lastOffset;
  }

  acknowledged(partitions: readonly number[], offset: number): void {
    for (const partition of partitions)
      this.acknowledgedOffsets[partition] = Math.max(this.acknowledgedOffsets[partition]!, offset);
  }

  close(): void {
    clearInterval(this.#driver);
  }

  get #gate() {
    return this.world.gates[this.#laneSet]!;
  }

  #enter(): void {
    const joining = [...this.#joining];
    this.#joining.clear();
    for (const member of joining) member.join();
    const { driveMs } = this.world;
    if (driveMs === undefined) return;
    this.#driver = setInterval(() => {
      for (const member of this.members) member.heartbeat();
    }, driveMs);
  }
}

/** Cuts partitions 0 … count-1 into ranges whose lengths differ by at most one. */
export function rangesOf(count: number, parts: number): number[][] {
  const start = (part: number) => Math.floor((part * count) / parts);
  return Array.from({ length: parts }, (_, part) =>
    Array.from({ length: start(part + 1) - start(part) }, (_unused, i) => start(part) + i),
  );
}
