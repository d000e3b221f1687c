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
    alarmOf(this.sessions, memberId, this.port, () => this.expired(memberId)).set(timeoutMs);
  }

  /** The member has `timeoutMs` from now to do its duty. */
  expect(memberId: string, duty: Duty, timeoutMs: Millis): void {
    if (this.ended) return;
    const key = keyOf(memberId, duty);
    alarmOf(this.duties, key, this.port, () => this.failed(memberId, duty)).set(timeoutMs);
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

/** Returns the alarm of the key, or makes a new one. An alarm leaves the map just before it rings. */
function alarmOf(alarms: Map<string, Alarm>, key: string, port: AlarmPort, ring: () => void): Alarm {
  const present = alarms.get(key);
  if (present !== undefined) return present;
  const alarm = new Alarm(port, () => {
    alarms.delete(key);
    ring();
  });
  alarms.set(key, alarm);
  return alarm;
}

function keyOf(memberId: string, duty: Duty): string {
  return `${duty} ${memberId}`;
}
