/**
 * One classic group under the control of a test. The test sends requests. Answers, records and events become
 * short lines of a transcript. The lines show the first member id that begins with `a`, `a-<uuid>`, as `a#1`.
 */
import { type Millis, Prng } from '@millrace/base';
import { decodeGroupRecord, ErrorCode, errorName } from '@millrace/protocol';
import {
  type Call,
  ClassicGroup,
  type ClassicGroupEvents,
  type ClassicGroupLimits,
  type Committing,
  type GroupValue,
  type HeartbeatAnswer,
  type JoinAnswer,
  type SyncAnswer,
} from '../../src/classic/index.ts';
import type { CoordinatorRecord } from '../../src/runtime/machine.ts';
import { FakeShardPort } from '../../src/testing/index.ts';

export const classicConfig: ClassicGroupLimits = {
  initialRebalanceDelayMs: 3000,
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  maxSize: 2147483647,
  newMemberJoinTimeoutMs: 300_000,
  maxPendingMembers: 1000,
};

export const utf8 = (text: string) => new TextEncoder().encode(text);
export const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

export interface JoinOptions {
  readonly version?: number;
  readonly memberId?: string;
  readonly instance?: string | null;
  readonly sessionTimeoutMs?: Millis;
  readonly rebalanceTimeoutMs?: Millis;
  readonly protocolType?: string;
  /** The metadata for each protocol, in the order of preference. */
  readonly protocols?: Readonly<Record<string, string>> | readonly (readonly [string, Uint8Array])[];
  readonly reason?: string | null;
  readonly host?: string;
}

export interface Answered<Answer> {
  answer: Answer | undefined;
  count: number;
}

export class Subject {
  readonly port: FakeShardPort;
  group: ClassicGroup;
  readonly config: ClassicGroupLimits;
  readonly groupId = 'g';
  /** Calls that the group has not answered. */
  readonly open = new Set<Answered<unknown>>();
  /** Counts the answers to calls that already had an answer. */
  repeated = 0;
  private readonly random = new Prng(7);
  private readonly labels = new Map<string, string>();
  private readonly labelCounts = new Map<string, number>();
  private readonly showsEvents: boolean;

  constructor(options: { config?: Partial<ClassicGroupLimits>; events?: boolean; commits?: boolean } = {}) {
    this.config = { ...classicConfig, ...options.config };
    this.showsEvents = options.events ?? false;
    this.port = new FakeShardPort({
      show: (record) => this.showRecord(record),
      commitsAtOnce: options.commits ?? true,
    });
    this.group = this.newGroup();
    this.port.host({ replay: (record) => this.replayInto(this.group, record) });
  }

  get memberCount(): number {
    return [...this.group.members].length;
  }

  private newGroup(port = this.port): ClassicGroup {
    return new ClassicGroup(this.groupId, {
      port,
      random: this.random,
      config: this.config,
      events: this.events(),
    });
  }

  private replayInto(group: ClassicGroup, record: CoordinatorRecord): void {
    const decoded = decodeGroupRecord(record.key, record.value);
    if (decoded?.name === 'groupMetadata' && decoded.value !== null) group.replay(decoded.value);
  }

  /** A second group object that has loaded the records, as another coordinator would. */
  restored(port = new FakeShardPort()): ClassicGroup {
    const group = this.newGroup(port);
    this.port.loadInto({ replay: (record) => this.replayInto(group, record) });
    return group;
  }

  /** Ends the leadership and begins a new one, in which the group continues from its records. */
  fail(): void {
    this.group.ended(ErrorCode.NOT_COORDINATOR);
    this.group = this.restored(this.port);
    this.group.loaded();
  }

  // Requests. The name is the client id. The client's host is `/name`, unless the test names another host.

  join(name: string, options: JoinOptions = {}): Answered<JoinAnswer> {
    const version = options.version ?? 9;
    const protocols = options.protocols ?? { range: name };
    const entries = Array.isArray(protocols)
      ? protocols
      : Object.entries(protocols as Record<string, string>).map(
          ([key, value]) => [key, utf8(value)] as const,
        );
    const request = {
      groupId: this.groupId,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
      memberId: options.memberId ?? '',
      groupInstanceId: options.instance ?? null,
      protocolType: options.protocolType ?? 'consumer',
      protocols: entries.map(([key, metadata]) => ({ name: key, metadata })),
      reason: options.reason ?? null,
    };
    const call = this.call(
      name,
      version,
      request,
      (answer: JoinAnswer) => this.showJoin(answer),
      options.host,
    );
    this.group.join(call.call);
    return call.answered;
  }

  /** Joins without a member id, and joins again with the id that the group assigns. Returns this id. */
  joinNew(name: string, options: JoinOptions = {}): string {
    const { answer } = this.join(name, options);
    if (answer?.errorCode !== ErrorCode.MEMBER_ID_REQUIRED) throw new Error('no member id was given');
    const { memberId } = answer;
    this.join(name, { ...options, memberId: memberId! });
    return memberId!;
  }

  sync(
    name: string,
    memberId: string,
    generationId: number,
    assignments: Readonly<Record<string, string>> = {},
    options: {
      version?: number;
      instance?: string | null;
      protocolType?: string | null;
      protocolName?: string | null;
    } = {},
  ): Answered<SyncAnswer> {
    const request = {
      groupId: this.groupId,
      generationId,
      memberId,
      groupInstanceId: options.instance ?? null,
      protocolType: options.protocolType === undefined ? 'consumer' : options.protocolType,
      protocolName: options.protocolName === undefined ? 'range' : options.protocolName,
      assignments: Object.entries(assignments).map(([id, assignment]) => ({
        memberId: id,
        assignment: utf8(assignment),
      })),
    };
    const call = this.call(name, options.version ?? 5, request, (answer: SyncAnswer) =>
      answer.errorCode === ErrorCode.NONE
        ? `sync ${answer.protocolType}/${answer.protocolName} ${JSON.stringify(text(answer.assignment))}`
        : `sync ${errorName(answer.errorCode ?? 0)}`,
    );
    this.group.sync(call.call);
    return call.answered;
  }

  heartbeat(
    name: string,
    memberId: string,
    generationId: number,
    instance: string | null = null,
  ): Answered<HeartbeatAnswer> {
    const request = { groupId: this.groupId, generationId, memberId, groupInstanceId: instance };
    const call = this.call(
      name,
      4,
      request,
      ({ errorCode }: HeartbeatAnswer) => `heartbeat ${errorName(errorCode ?? 0)}`,
    );
    this.group.heartbeat(call.call);
    return call.answered;
  }

  leave(
    name: string,
    members: readonly { memberId?: string; instance?: string | null; reason?: string | null }[],
    version = 5,
  ): void {
    const request = {
      groupId: this.groupId,
      memberId: version < 3 ? (members[0]?.memberId ?? '') : '',
      members: members.map(({ memberId = '', instance = null, reason = null }) => ({
        memberId,
        groupInstanceId: instance,
        reason,
      })),
    };
    const call = this.call(name, version, request, this.showLeave);
    this.group.leave(call.call);
  }

  private readonly showLeave = (answer: {
    errorCode?: number;
    members?: readonly { memberId: string; groupInstanceId: string | null; errorCode: number }[];
  }): string => {
    const results = (answer.members ?? []).map(
      (member) =>
        `${this.label(member.memberId || member.groupInstanceId || '')}:${errorName(member.errorCode)}`,
    );
    return `leave ${[errorName(answer.errorCode ?? 0), ...results].join(' ')}`;
  };

  commit(sender: Partial<Committing>): string {
    return errorName(
      this.group.checkCommit({
        memberId: '',
        groupInstanceId: null,
        generationId: -1,
        isTransactional: false,
        ...sender,
      }),
    );
  }

  private call<Request, Answer>(
    name: string,
    version: number,
    request: Request,
    show: (answer: Answer) => string,
    host = `/${name}`,
  ): { call: Call<Request, Answer>; answered: Answered<Answer> } {
    const answered: Answered<Answer> = { answer: undefined, count: 0 };
    this.open.add(answered);
    const reply = (answer: Answer) => {
      answered.answer = answer;
      answered.count++;
      this.open.delete(answered);
      if (answered.count > 1) this.repeated++;
      this.port.note(`${name} <- ${show(answer)}`);
    };
    return { call: { request, version, client: { clientId: name, clientHost: host }, reply }, answered };
  }

  // Time and the transcript.

  pass(ms: Millis): string[] {
    this.port.advance(ms);
    return this.lines();
  }

  lines(): string[] {
    return this.port.transcript().map((line) => this.shorten(line));
  }

  /** Forgets the transcript so far. */
  skip(): this {
    this.lines();
    return this;
  }

  /** The short form of a member id. */
  label(memberId: string): string {
    return this.shorten(memberId);
  }

  private shorten(line: string): string {
    return line.replace(/([a-z0-9]*)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id, prefix: string) => {
      const known = this.labels.get(id);
      if (known !== undefined) return known;
      const count = (this.labelCounts.get(prefix) ?? 0) + 1;
      this.labelCounts.set(prefix, count);
      const label = `${prefix}#${count}`;
      this.labels.set(id, label);
      return label;
    });
  }

  private showJoin(answer: JoinAnswer): string {
    const { errorCode, generationId, protocolType, protocolName, leader, skipAssignment, memberId } = answer;
    const id = memberId === '' ? '' : ` ${memberId}`;
    if (errorCode !== ErrorCode.NONE) return `join ${errorName(errorCode ?? 0)}${id}`;
    const members = (answer.members ?? []).map(
      (member) =>
        `${member.memberId}${member.groupInstanceId === null ? '' : `(${member.groupInstanceId})`}:${text(member.metadata)}`,
    );
    const parts = [`join g${generationId} ${protocolType}/${protocolName}${id} leader ${leader}`];
    if (members.length > 0) parts.push(`[${members.join(' ')}]`);
    if (skipAssignment) parts.push('skip');
    return parts.join(' ');
  }

  private showRecord({ key, value }: CoordinatorRecord): string {
    const record = decodeGroupRecord(key, value);
    if (record?.name !== 'groupMetadata') throw new Error('not a record of a group');
    return record.value === null ? `tombstone ${record.key.group}` : showValue(record.value);
  }

  private events(): ClassicGroupEvents {
    const note = (line: string) => {
      if (this.showsEvents) this.port.note(`* ${line}`);
    };
    const about = (event: { memberId: string; reason?: string; afterMs?: number }) =>
      [
        event.memberId === '' ? '' : ` ${event.memberId}`,
        event.reason === undefined ? '' : ` (${event.reason})`,
        event.afterMs === undefined ? '' : ` after ${event.afterMs}`,
      ].join('');
    return {
      rebalanced: (event) => note(`rebalance of g${event.generation}: ${event.cause}${about(event)}`),
      memberRemoved: (event) => note(`removed in g${event.generation}: ${event.cause}${about(event)}`),
      generationBegan: (event) =>
        note(`generation ${event.generation} of ${event.members} after ${event.afterMs}`),
      stabilized: (event) => note(`stable ${event.generation} of ${event.members} after ${event.afterMs}`),
    };
  }
}

export function showValue(value: GroupValue): string {
  const { protocolType, generation, protocol, leader, members } = value;
  const head = `g${generation} ${JSON.stringify(protocolType)}/${protocol} leader ${leader}`;
  const list = members.map(
    (member) =>
      `${member.memberId}${member.groupInstanceId === null ? '' : `(${member.groupInstanceId})`}:${text(member.subscription)}=${text(member.assignment)}`,
  );
  return list.length === 0 ? head : `${head} [${list.join(' ')}]`;
}

/** Makes a stable group of these members, in generation 1. The first one is the leader. Returns their ids. */
export function stable(subject: Subject, ...names: string[]): string[] {
  const ids = names.map((name) => subject.joinNew(name));
  subject.port.advance(6000);
  assignAll(subject, names, ids, 1);
  subject.skip();
  return ids;
}

/**
 * Sends SyncGroup for each member. The first member is the leader, and assigns to each member a text: the
 * member's name and the generation.
 */
export function assignAll(
  subject: Subject,
  names: readonly string[],
  ids: readonly string[],
  generation: number,
): void {
  const assignments = Object.fromEntries(ids.map((id, index) => [id, `${names[index]}${generation}`]));
  for (const [index, name] of names.entries())
    subject.sync(name, ids[index]!, generation, index === 0 ? assignments : {});
}
