/**
 * Goal: no order of joins, syncs, heartbeats, departures, lost answers, refused writes, slow commits and
 * failovers breaks a group. Method: seeded clients that behave like Kafka's. After a failover, the group is
 * loaded again from its committed records.
 */
import { Prng } from '@millrace/base';
import { ErrorCode } from '@millrace/protocol';
import { expect, it } from 'vitest';
import type { HeartbeatAnswer, JoinAnswer, SyncAnswer } from '../../src/classic/index.ts';
import { type Answered, Subject, showValue, text } from '../support/classic-group.ts';

const SEEDS = Number(process.env['CLASSIC_SEEDS'] ?? 60);
const SEEDS_PER_TEST = 20;
const STEPS = 250;
const SESSION_TIMEOUT_MS = 6000;
const REBALANCE_TIMEOUT_MS = 12_000;

/** A consumer: it joins, synchronizes, sends heartbeats, and begins again after an error. */
class Client {
  readonly name: string;
  readonly instance: string | null;
  memberId = '';
  generation = -1;
  state: 'out' | 'joining' | 'joined' | 'syncing' | 'member' = 'out';
  metadata: string;
  join: Answered<JoinAnswer> | undefined;
  sync: Answered<SyncAnswer> | undefined;
  beat: Answered<HeartbeatAnswer> | undefined;
  /** The assignments that this client sends if it leads its generation. The answer to its join sets them. */
  assignments: Record<string, string> | undefined;

  constructor(name: string, instance: string | null) {
    this.name = name;
    this.instance = instance;
    this.metadata = `${name}.0`;
  }
}

class Walk {
  private readonly random: Prng;
  private readonly s: Subject;
  private readonly clients: Client[] = [];
  /** For each generation whose record was accepted (`term/generation`): the assignments by member id. */
  private readonly assigned = new Map<string, ReadonlyMap<string, string>>();
  /** The last decision that `checkStored` looked at. */
  private checkedWrite = -1;
  /**
   * The number of the leadership. Part of each key, because the next leadership may use the same generations
   * again.
   */
  private term = 0;
  private lastGeneration = 0;
  /**
   * The leader of each generation: in `assigners` according to the answers to joins, in `leaders` according
   * to the group.
   */
  private readonly assigners = new Map<string, string>();
  private readonly leaders = new Map<string, string>();

  constructor(seed: number) {
    this.random = new Prng(seed);
    this.s = new Subject({ commits: false, config: { initialRebalanceDelayMs: 500, maxSize: 5 } });
    for (let i = 0; i < 7; i++) this.clients.push(new Client(`c${i}`, i < 3 ? `i${i % 2}` : null));
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      this.step();
      this.readAnswers();
      this.check();
    }
    this.settle();
  }

  private step(): void {
    const { s, random } = this;
    const client = this.clients[random.below(this.clients.length)]!;
    const dice = random.below(100);
    if (dice < 40) this.act(client);
    else if (dice < 55) s.pass(random.below(1500));
    else if (dice < 75) s.port.commit();
    else if (dice < 79) this.die(client);
    else if (dice < 82) this.leave(client);
    else if (dice < 85) client.metadata = `${client.name}.${random.below(3)}`;
    else if (dice < 88) this.rejoin(client);
    else if (dice < 90)
      s.port.refusal = random.below(2) === 0 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : ErrorCode.NONE;
    else if (dice < 91) s.port.refusal = ErrorCode.UNKNOWN_SERVER_ERROR;
    else if (dice < 94) s.port.refusal = ErrorCode.NONE;
    else if (dice < 96) s.port.timeOutCommits();
    else if (dice < 98) s.pass(REBALANCE_TIMEOUT_MS);
    else this.failOver();
  }

  /** The next step of a client that waits for no answer. */
  private act(client: Client): void {
    const { s } = this;
    if (client.state === 'out') this.rejoin(client);
    else if (client.state === 'joined') {
      const leads = client.assignments !== undefined;
      // The group must ignore the assignment that a follower sends.
      const assignments = leads ? client.assignments! : { [client.memberId]: 'not mine to say' };
      const { state, generation } = s.group;
      const accepted = s.port.lastWrite;
      client.state = 'syncing';
      client.sync = s.sync(client.name, client.memberId, client.generation, assignments, {
        instance: client.instance,
      });
      if (s.port.lastWrite > accepted) {
        expect([state, generation, leads]).toEqual(['CompletingRebalance', client.generation, true]);
        this.assigned.set(`${this.term}/${generation}`, new Map(Object.entries(assignments)));
      }
    } else if (client.state === 'member') {
      client.beat = s.heartbeat(client.name, client.memberId, client.generation, client.instance);
    }
  }

  private rejoin(client: Client): void {
    client.state = 'joining';
    client.sync = undefined;
    client.assignments = undefined;
    client.join = this.s.join(client.name, {
      memberId: client.memberId,
      instance: client.instance,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      protocols: { range: client.metadata },
    });
  }

  /** The process of the client dies. Its next join has no member id. */
  private die(client: Client): void {
    client.memberId = '';
    client.state = 'out';
    client.join = undefined;
    client.sync = undefined;
    client.beat = undefined;
  }

  private leave(client: Client): void {
    this.s.leave(client.name, [{ memberId: client.memberId, instance: client.instance }]);
    this.die(client);
  }

  private failOver(): void {
    const { s } = this;
    // Decisions that were not committed are lost with the leader.
    s.port.timeOutCommits();
    s.port.decisions.length = s.port.committed;
    s.port.lastWrite = s.port.committed;
    s.fail();
    this.term++;
    this.lastGeneration = s.group.generation;
  }

  private readAnswers(): void {
    for (const client of this.clients) {
      this.readJoin(client);
      this.readSync(client);
      this.readBeat(client);
    }
  }

  private readJoin(client: Client): void {
    const answer = client.join?.answer;
    if (answer === undefined) return;
    client.join = undefined;
    const { errorCode, memberId, generationId, leader, members } = answer;
    if (errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      client.memberId = memberId!;
      client.state = 'out';
    } else if (errorCode !== ErrorCode.NONE) this.forget(client, errorCode);
    else {
      client.memberId = memberId!;
      client.generation = generationId!;
      client.state = 'joined';
      const leads = leader === memberId && !answer.skipAssignment;
      const key = `${this.term}/${generationId}`;
      if (leads) expect(this.assigners.get(key) ?? memberId).toBe(memberId);
      if (leads) this.assigners.set(key, memberId!);
      expect(members!.length > 0).toBe(leader === memberId);
      client.assignments = leads
        ? Object.fromEntries(
            members!.map((member) => [
              member.memberId,
              `${member.memberId}@${generationId} ${text(member.metadata)}`,
            ]),
          )
        : undefined;
    }
  }

  private readSync(client: Client): void {
    const answer = client.sync?.answer;
    if (answer === undefined) return;
    client.sync = undefined;
    if (answer.errorCode === ErrorCode.NONE) {
      client.state = 'member';
      this.checkAssignment(client, text(answer.assignment));
    } else this.forget(client, answer.errorCode);
  }

  /**
   * The leader must have sent the assignment for this member, or for the static member that this member
   * replaced.
   */
  private checkAssignment({ instance, memberId, generation }: Client, assignment: string): void {
    if (assignment === '') return;
    const [owner, of] = assignment.split(/[@ ]/);
    expect(of).toBe(String(generation));
    if (instance === null) expect(owner).toBe(memberId);
    else expect(owner!.startsWith(`${instance}-`)).toBe(true);
  }

  private readBeat(client: Client): void {
    const answer = client.beat?.answer;
    if (answer === undefined) return;
    client.beat = undefined;
    if (client.state === 'member' && answer.errorCode !== ErrorCode.NONE)
      this.forget(client, answer.errorCode);
  }

  private forget(client: Client, errorCode: number | undefined): void {
    if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID || errorCode === ErrorCode.FENCED_INSTANCE_ID)
      client.memberId = '';
    client.state = 'out';
  }

  private check(): void {
    const { s } = this;
    const { group } = s;
    expect(group.generation).toBeGreaterThanOrEqual(this.lastGeneration);
    this.lastGeneration = group.generation;
    expect(s.repeated).toBe(0);
    const ids = [...group.members].map(({ memberId }) => memberId);
    if (group.state === 'Empty') expect([ids, group.leaderId]).toEqual([[], null]);
    else if (ids.length > 0) expect(ids).toContain(group.leaderId);
    this.checkStored();
    s.skip();
  }

  private checkStored(): void {
    const { group } = this.s;
    if (group.state === 'CompletingRebalance') {
      // The leader must not change within a generation.
      const key = `${this.term}/${group.generation}`;
      const leader = this.leaders.get(key) ?? group.leaderId!;
      this.leaders.set(key, leader);
      expect(group.leaderId).toBe(leader);
    }
    if (group.state !== 'Stable' && group.state !== 'Empty') return;
    if (this.s.port.lastWrite === this.checkedWrite) return;
    this.checkedWrite = this.s.port.lastWrite;
    expect(showValue(this.s.restored().value)).toBe(showValue(group.value));
    const assigned = this.assigned.get(`${this.term}/${group.generation}`);
    if (group.state !== 'Stable' || assigned === undefined) return;
    for (const { memberId, groupInstanceId, assignment } of group.members)
      if (groupInstanceId === null) expect(text(assignment)).toBe(assigned.get(memberId) ?? '');
  }

  /**
   * Ends the faults. Then every call is answered, and the group becomes stable. When the heartbeats end, too,
   * the group becomes empty.
   */
  private settle(): void {
    const { s } = this;
    s.port.refusal = ErrorCode.NONE;
    s.port.commitsAtOnce = true;
    s.port.commit();
    // c2 has the instance id of c0, so they would fence each other for ever. With c6, the group would have
    // one member more than maxSize.
    const lasting = this.clients.filter(({ name }) => name !== 'c2' && name !== 'c6');
    this.die(this.clients[2]!);
    this.die(this.clients[6]!);
    for (let half = 0; half < 240; half++) {
      this.readAnswers();
      for (const client of lasting) this.act(client);
      s.pass(500);
    }
    this.readAnswers();
    expect([s.open.size, s.repeated]).toEqual([0, 0]);
    expect(s.group.state).toBe('Stable');
    const members = lasting.filter(({ state }) => state === 'member');
    expect(members).toHaveLength(5);
    for (const client of members) expect(client.generation).toBe(s.group.generation);
    // Nobody sends heartbeats now, so the group becomes empty.
    s.pass(60_000);
    expect([s.group.state, s.memberCount]).toEqual(['Empty', 0]);
    expect(s.port.timerCount).toBe(0);
  }
}

for (let first = 0; first < SEEDS; first += SEEDS_PER_TEST)
  it(`no group breaks in seeds ${first} to ${first + SEEDS_PER_TEST - 1}`, () => {
    for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) {
      try {
        new Walk(seed).run();
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
