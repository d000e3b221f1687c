/**
 * The deadlines of the members: a session ends without a heartbeat, and a member has its rebalance timeout to
 * do its part. A heartbeat only moves the deadline of the session. The timer looks at the deadline when it
 * fires, so a heartbeat sets no timer.
 */
import type { Millis } from '@millrace/base';
import type { ShardPort } from '../runtime/machine.ts';

/** What a member must do within its rebalance timeout; `join` and `sync` only for classic members. */
export type Duty = 'revoke' | 'join' | 'sync';

const DUTIES: readonly Duty[] = ['revoke', 'join', 'sync'];

interface Session {
  deadline: Millis;
  armedFor: Millis;
  cancel: () => void;
}

export class MemberTimers {
  private readonly shard: ShardPort;
  private readonly expired: (memberId: string) => void;
  private readonly failed: (memberId: string, duty: Duty) => void;
  private readonly sessions = new Map<string, Session>();
  /** How to cancel the timer of each duty, by `keyOf`. */
  private readonly duties = new Map<string, () => void>();
  private ended = false;

  constructor(
    shard: ShardPort,
    expired: (memberId: string) => void,
    failed: (memberId: string, duty: Duty) => void,
  ) {
    this.shard = shard;
    this.expired = expired;
    this.failed = failed;
  }

  /** The session ends after `timeoutMs`, unless this is called again. */
  extendSession(memberId: string, timeoutMs: Millis): void {
    if (this.ended) return;
    const deadline = this.shard.now() + timeoutMs;
    const session = this.sessions.get(memberId);
    if (session !== undefined && session.armedFor <= deadline) {
      session.deadline = deadline;
      return;
    }
    session?.cancel();
    this.arm(memberId, deadline);
  }

  /** The member has `timeoutMs` from now to do its duty. */
  expect(memberId: string, duty: Duty, timeoutMs: Millis): void {
    if (this.ended) return;
    this.fulfil(memberId, duty);
    const cancel = this.shard.after(timeoutMs, () => {
      this.duties.delete(keyOf(memberId, duty));
      this.failed(memberId, duty);
    });
    this.duties.set(keyOf(memberId, duty), cancel);
  }

  /** As `expect`, but an earlier deadline stays. */
  expectStill(memberId: string, duty: Duty, timeoutMs: Millis): void {
    if (!this.duties.has(keyOf(memberId, duty))) this.expect(memberId, duty, timeoutMs);
  }

  fulfil(memberId: string, duty: Duty): void {
    this.duties.get(keyOf(memberId, duty))?.();
    this.duties.delete(keyOf(memberId, duty));
  }

  /** The member is gone. */
  remove(memberId: string): void {
    for (const duty of DUTIES) this.fulfil(memberId, duty);
    this.sessions.get(memberId)?.cancel();
    this.sessions.delete(memberId);
  }

  /** The group is gone: no timer fires or starts after this, also if an answer was still on its way. */
  end(): void {
    this.ended = true;
    for (const { cancel } of this.sessions.values()) cancel();
    for (const cancel of this.duties.values()) cancel();
    this.sessions.clear();
    this.duties.clear();
  }

  private arm(memberId: string, deadline: Millis): void {
    const session: Session = { deadline, armedFor: deadline, cancel: () => {} };
    session.cancel = this.shard.after(deadline - this.shard.now(), () => this.fire(memberId, session));
    this.sessions.set(memberId, session);
  }

  private fire(memberId: string, session: Session): void {
    if (this.shard.now() < session.deadline) {
      this.arm(memberId, session.deadline);
      return;
    }
    this.sessions.delete(memberId);
    this.expired(memberId);
  }
}

function keyOf(memberId: string, duty: Duty): string {
  return `${duty} ${memberId}`;
}
