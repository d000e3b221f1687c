/**
 * A member of a group over the whole run, and what happens to its processes: they leave, crash, pause (some
 * for longer than their session), and come back. A static member may also come back on another machine while
 * its old process is paused. Then the group must fence the old process. In a mixed group each process draws
 * its protocol, and a member may retire: it stays away until the next incident, so that the other members
 * must take over its partitions.
 */
import type { Prng, Uuid } from '@millrace/base';
import type { GroupProtocol, TopicPartition } from '@millrace/client';
import {
  type ClientEnv,
  type MemberOptions,
  MemberProcess,
  type Reached,
  type SentAssignment,
} from '../clients/index.ts';
import { MILLISECOND, type Micros, SECOND, type World } from '../world/index.ts';

type Event = 'nothing' | 'leave' | 'crash' | 'pause' | 'replace' | 'retire';

const EVENTS: readonly Event[] = ['nothing', 'nothing', 'nothing', 'leave', 'crash', 'pause', 'replace'];
/** The events of a member that may retire. */
const MIXED_EVENTS: readonly Event[] = ['nothing', 'leave', 'leave', 'crash', 'pause', 'replace', 'retire'];
/** Average time between two events of a member in an incident. */
const EVENT_US: Micros = 3 * SECOND;
const AWAY_US_MAX: Micros = 5 * SECOND;
/**
 * The errors that may end a static member: another process took its instance id over, or still has it. No
 * other error of the group may end a member.
 */
const EXPECTED: ReadonlySet<string> = new Set(['FENCED_INSTANCE_ID', 'UNRELEASED_INSTANCE_ID']);
/**
 * If a member's process has failed or is still leaving, the member tries to start its next process after this
 * time.
 */
const AGAIN_US: Micros = 500 * MILLISECOND;
/** How long the old process of a static member may run beside the new one in peace. */
const ZOMBIE_US: Micros = SECOND;

export interface ActorOptions {
  readonly world: World;
  readonly random: Prng;
  readonly member: Omit<MemberOptions, 'protocol' | 'isMixed'>;
  /** The protocols of the group. If there are several, each process of the member draws one. */
  readonly protocols: readonly GroupProtocol[];
  /** Starts a process on one of the member's machines. Only a static member uses the second machine. */
  readonly machines: readonly (() => ClientEnv)[];
  /** Whether the member may stay away until the next incident. */
  mayRetire(): boolean;
}

export class GroupMemberActor {
  private readonly options: ActorOptions;
  private readonly processes: MemberProcess[] = [];
  private bootedUs: Micros = 0;
  private current: MemberProcess | undefined;
  /** The earlier process of a static member: it was paused, and `current` replaced it. */
  private old: MemberProcess | undefined;
  private machine = 0;
  /** The current process has ended or is leaving, and the next one has not started yet. */
  private isAway = false;
  /** The member stays away until the next incident. */
  isRetired = false;
  private readonly choices: Prng;
  private protocol: GroupProtocol | undefined;
  private isPeace = true;
  private isStopping = false;

  constructor(options: ActorOptions) {
    this.options = options;
    this.choices = options.random.fork('protocols');
  }

  get group(): string {
    return this.options.member.group;
  }

  /**
   * The partitions that the member reads; none if it is retired. Undefined: no process of the member runs, or
   * two run, or the process of a retired member still runs.
   */
  get assignment(): readonly TopicPartition[] | undefined {
    if (this.old?.isAlive === true) return undefined;
    if (this.isRetired) return this.current?.isAlive === true ? undefined : [];
    return this.current?.isAlive === true ? this.current.assignment : undefined;
  }

  /**
   * How far the member's current process has read and committed in this partition. Undefined: the process
   * does not read the partition.
   */
  reached(topicId: Uuid, place: TopicPartition): Readonly<Reached> | undefined {
    return this.isRetired ? undefined : this.current?.progress.reached(topicId, place);
  }

  /** The assignments that the member's processes have sent as leaders of a classic group. */
  get sentAssignments(): SentAssignment[] {
    return this.processes.flatMap(({ sentAssignments }) => sentAssignments);
  }

  get instanceId(): string | null {
    return this.options.member.instanceId;
  }

  /**
   * When the coordinator first told the current process its assignment. Until then: when the process
   * started.
   */
  get joinedUs(): Micros {
    return this.current?.joinedUs ?? this.bootedUs;
  }

  get isIdle(): boolean {
    return this.isStopping && this.current?.isAlive !== true && this.old?.isAlive !== true;
  }

  start(): void {
    this.boot();
    this.think();
  }

  /** An incident begins. A retired member comes back. */
  suffer(): void {
    this.isPeace = false;
    if (!this.isRetired) return;
    this.isRetired = false;
    this.comeBackIn(1 + this.choices.below(AWAY_US_MAX));
  }

  /** The incident is over: paused processes continue, and a member that is away comes back. */
  recover(): void {
    const { world } = this.options;
    this.isPeace = true;
    this.current?.resume();
    this.old?.resume();
    const { old } = this;
    world.after(ZOMBIE_US, () => old?.crash());
    this.comeBack();
  }

  stop(): void {
    this.isStopping = true;
    this.old?.crash();
    this.current?.leave();
  }

  private think(): void {
    const { world, random } = this.options;
    world.after(1 + random.below(2 * EVENT_US), () => {
      if (this.isStopping) return;
      const events = this.options.protocols.length > 1 ? MIXED_EVENTS : EVENTS;
      if (!this.isPeace) this.happen(events[random.below(events.length)]!);
      this.think();
    });
  }

  private happen(event: Event): void {
    const { current } = this;
    const { world, random, member, machines } = this.options;
    if (current?.isAlive !== true || this.isAway || event === 'nothing') return;
    if (event === 'replace' && (member.instanceId === null || this.old?.isAlive === true)) return;
    if (event === 'retire' && !this.options.mayRetire()) return;
    world.count(`member ${event}`);
    world.tell(member.instanceId ?? member.group, `member-${event}`);
    const awayUs = 1 + random.below(AWAY_US_MAX);
    switch (event) {
      case 'leave':
        current.leave();
        this.comeBackIn(awayUs);
        break;
      case 'crash':
        current.crash();
        this.comeBackIn(awayUs);
        break;
      case 'retire':
        this.isAway = true;
        this.isRetired = true;
        current.leave();
        break;
      case 'pause':
        current.pause();
        world.after(awayUs, () => current.resume());
        break;
      case 'replace':
        current.pause();
        this.old = current;
        this.machine = (this.machine + 1) % machines.length;
        this.boot();
        world.after(awayUs, () => current.resume());
    }
  }

  private comeBackIn(delayUs: Micros): void {
    this.isAway = true;
    this.options.world.after(delayUs, () => this.comeBack());
  }

  private comeBack(): void {
    if (!this.isAway || this.isStopping || this.isRetired) return;
    // The current process is still leaving.
    if (this.current?.isAlive === true) this.comeBackIn(AGAIN_US);
    else this.boot();
  }

  private boot(): void {
    const { machines, member, world, protocols } = this.options;
    const isMixed = protocols.length > 1;
    const protocol = protocols[isMixed ? this.choices.below(protocols.length) : 0]!;
    if (this.protocol !== undefined && this.protocol !== protocol) world.count(`member to ${protocol.name}`);
    this.protocol = protocol;
    const options = { ...member, protocol, isMixed };
    const started = new MemberProcess(machines[this.machine]!(), options, (error) => {
      const [name] = error.split(' ', 1);
      if (member.instanceId === null || !EXPECTED.has(name!))
        world.fail('member-failed', `${started.name} failed: ${error}`);
      world.count(`member failed: ${name}`);
      world.tell(member.instanceId ?? member.group, 'member-failed', { error });
      world.after(0, () => started.crash());
      if (started === this.current) this.comeBackIn(AGAIN_US);
    });
    this.isAway = false;
    this.current = started;
    this.processes.push(started);
    this.bootedUs = world.nowUs;
    started.start();
  }
}
