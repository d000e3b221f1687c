/**
 * The deadlines of the members: a session ends without a heartbeat; a member that must give up partitions has
 * its rebalance timeout for it. A heartbeat only moves the deadline. The timer looks at the deadline when it
 * fires, so a heartbeat sets no timer.
 */
import type { Millis } from '@millrace/base';
import type { ShardPort } from '../runtime/machine.ts';

interface Session {
  deadline: Millis;
  armedFor: Millis;
  cancel: () => void;
}

export class MemberTimers {
  private readonly shard: ShardPort;
  private readonly expired: (memberId: string) => void;
  private readonly revocationTimedOut: (memberId: string) => void;
  private readonly sessions = new Map<string, Session>();
  private readonly revocations = new Map<string, () => void>();

  constructor(
    shard: ShardPort,
    expired: (memberId: string) => void,
    revocationTimedOut: (memberId: string) => void,
  ) {
    this.shard = shard;
    this.expired = expired;
    this.revocationTimedOut = revocationTimedOut;
  }

  /** The session ends after `timeoutMs`, unless this is called again. */
  extendSession(memberId: string, timeoutMs: Millis): void {
    const deadline = this.shard.now() + timeoutMs;
    const session = this.sessions.get(memberId);
    if (session !== undefined && session.armedFor <= deadline) {
      session.deadline = deadline;
      return;
    }
    session?.cancel();
    this.arm(memberId, deadline);
  }

  /** The member has `timeoutMs` to give up partitions. */
  awaitRevocation(memberId: string, timeoutMs: Millis): void {
    this.endRevocation(memberId);
    const cancel = this.shard.after(timeoutMs, () => {
      this.revocations.delete(memberId);
      this.revocationTimedOut(memberId);
    });
    this.revocations.set(memberId, cancel);
  }

  endRevocation(memberId: string): void {
    this.revocations.get(memberId)?.();
    this.revocations.delete(memberId);
  }

  /** The member is gone. */
  remove(memberId: string): void {
    this.endRevocation(memberId);
    this.sessions.get(memberId)?.cancel();
    this.sessions.delete(memberId);
  }

  clear(): void {
    for (const memberId of [...this.sessions.keys(), ...this.revocations.keys()]) this.remove(memberId);
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
