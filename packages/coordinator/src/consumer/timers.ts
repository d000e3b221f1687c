/**
 * The deadlines of a group's members. A member's session ends if no heartbeat extends it. For each of its
 * duties (to give up partitions, to join again, to send SyncGroup) a member has its rebalance timeout.
 */
import type { Millis } from '@millrace/base';
import { Alarm, type AlarmPort } from '../runtime/alarm.ts';

/** What a member must do within its rebalance timeout; `join` and `sync` only for classic members. */
export type Duty = 'revoke' | 'join' | 'sync';

const DUTIES: readonly Duty[] = ['revoke', 'join', 'sync'];

export class MemberTimers {
  private readonly port: AlarmPort;
  private readonly expired: (memberId: string) => void;
  private readonly failed: (memberId: string, duty: Duty) => void;
  // An alarm leaves its map just before it rings.

  /** By the member's id. */
  private readonly sessions = new Map<string, Alarm>();
  /** The keys are those of `keyOf`. */
  private readonly duties = new Map<string, Alarm>();
  private ended = false;

  constructor(
    port: AlarmPort,
    expired: (memberId: string) => void,
    failed: (memberId: string, duty: Duty) => void,
  ) {
    this.port = port;
    this.expired = expired;
    this.failed = failed;
  }

  /** The session ends after `timeoutMs`, unless this is called again. */
  extendSession(memberId: string, timeoutMs: Millis): void {
    if (this.ended) return;
    const session = this.sessions.get(memberId) ?? this.newSession(memberId);
    session.set(timeoutMs);
  }

  /** Has one closure only, because each member has a session. */
  private newSession(memberId: string): Alarm {
    const session = new Alarm(this.port, () => {
      this.sessions.delete(memberId);
      this.expired(memberId);
    });
    this.sessions.set(memberId, session);
    return session;
  }

  /** The member has `timeoutMs` from now to do its duty. */
  expect(memberId: string, duty: Duty, timeoutMs: Millis): void {
    if (this.ended) return;
    const key = keyOf(memberId, duty);
    const alarm = this.duties.get(key) ?? this.newDuty(key, memberId, duty);
    alarm.set(timeoutMs);
  }

  private newDuty(key: string, memberId: string, duty: Duty): Alarm {
    const alarm = new Alarm(this.port, () => {
      this.duties.delete(key);
      this.failed(memberId, duty);
    });
    this.duties.set(key, alarm);
    return alarm;
  }

  /** Like `expect`, but keeps a deadline that is already set. */
  expectStill(memberId: string, duty: Duty, timeoutMs: Millis): void {
    if (!this.duties.has(keyOf(memberId, duty))) this.expect(memberId, duty, timeoutMs);
  }

  fulfil(memberId: string, duty: Duty): void {
    this.duties.get(keyOf(memberId, duty))?.clear();
    this.duties.delete(keyOf(memberId, duty));
  }

  /** Clears all deadlines of the member. */
  remove(memberId: string): void {
    for (const duty of DUTIES) this.fulfil(memberId, duty);
    this.sessions.get(memberId)?.clear();
    this.sessions.delete(memberId);
  }

  /** The group is gone: no timer fires or starts after this. */
  end(): void {
    this.ended = true;
    for (const session of this.sessions.values()) session.clear();
    for (const duty of this.duties.values()) duty.clear();
    this.sessions.clear();
    this.duties.clear();
  }
}

function keyOf(memberId: string, duty: Duty): string {
  return `${duty} ${memberId}`;
}
