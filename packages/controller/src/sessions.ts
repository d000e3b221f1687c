/**
 * Which brokers are known to be alive, and until when. Volatile: belongs to one term of one active controller
 * and is never replicated. It must never decide what the end of a session means (brokers.ts does).
 */
import type { Millis, NodeId, Offset, Uuid } from '@millrace/base';
import type { BrokerRegistration } from '@millrace/metadata';

interface Session {
  readonly incarnationId: Uuid;
  expiresAt: Millis;
  /**
   * A lease of an earlier controller may last until then: what this one grants, and may be lost on its way,
   * must not end it.
   */
  readonly earlierLeaseEndsAt: Millis;
  /** Its control stream ended, and it was not heard since. */
  isDisconnected: boolean;
  /**
   * By how much `expiresAt` may still be put off because this process stood still; full again whenever the
   * broker is heard.
   */
  creditMs: Millis;
  /** The metadata offset that the broker last said it had applied; -1 unknown. */
  metadataOffset: Offset;
  /** Where the records of its controlled shutdown end; undefined before. */
  shutdownOffset: Offset | undefined;
}

export interface EndedSession {
  readonly brokerId: NodeId;
  /**
   * Silent: not heard for a whole session, so no lease of it is left. Disconnected: its control stream ended,
   * and the grace is over.
   */
  readonly reason: 'silent' | 'disconnected';
}

/**
 * Two clocks that measure the same time differ by less than this part of it, each from true time. NTP slews
 * by at most 0.0005.
 */
const CLOCK_DRIFT_MAX = 0.001;

/**
 * How long a lease is so that it ends before a session that began later, on two clocks that drift apart
 * (docs/leases.md). A millisecond less, because clocks are read in whole ones.
 */
export function leaseMs(sessionTimeoutMs: Millis): Millis {
  return Math.max(0, Math.floor(sessionTimeoutMs * (1 - 2 * CLOCK_DRIFT_MAX)) - 1);
}

/**
 * How long a session is so that it ends after a lease of that length that began earlier, on two clocks that
 * drift apart: `leaseMs` the other way.
 */
function sessionMsFor(lease: Millis): Millis {
  return Math.ceil(lease / (1 - 2 * CLOCK_DRIFT_MAX)) + 1;
}

/**
 * A tick that comes later than this after a deadline may mean that heartbeats lie unread because this process
 * stood still.
 */
const LATE_TICK_MS = 100;

export class BrokerSessions {
  private readonly sessions = new Map<NodeId, Session>();
  private readonly timeoutMs: Millis;
  private readonly graceMs: Millis;
  /** The end of the log when this controller became the active one. */
  private startOffset: Offset = -1;
  /** Where the records end that fenced a broker in this term. */
  private readonly fencedOffsets = new Map<NodeId, Offset>();

  constructor(timeoutMs: Millis, graceMs: Millis) {
    this.timeoutMs = timeoutMs;
    this.graceMs = graceMs;
  }

  /** The broker was heard of: a full period from now. */
  touch(id: NodeId, incarnationId: Uuid, now: Millis, metadataOffset: Offset = -1): void {
    const session = this.sessions.get(id);
    if (session?.incarnationId !== incarnationId) {
      this.begin(id, incarnationId, { expiresAt: now + this.timeoutMs, metadataOffset });
      return;
    }
    session.expiresAt = Math.max(now + this.timeoutMs, session.earlierLeaseEndsAt);
    session.creditMs = this.timeoutMs;
    session.isDisconnected = false;
    session.metadataOffset = Math.max(session.metadataOffset, metadataOffset);
  }

  /**
   * A new leadership: an earlier controller, whose setting may differ, may have granted a lease as long as
   * the broker takes at all.
   */
  takeOver({ id, incarnationId, sessionTimeoutMs }: BrokerRegistration, now: Millis): void {
    const expiresAt = now + Math.max(this.timeoutMs, sessionMsFor(sessionTimeoutMs));
    this.begin(id, incarnationId, { expiresAt, earlierLeaseEndsAt: expiresAt });
  }

  private begin(
    id: NodeId,
    incarnationId: Uuid,
    facts: Pick<Session, 'expiresAt'> & Partial<Pick<Session, 'earlierLeaseEndsAt' | 'metadataOffset'>>,
  ): void {
    this.sessions.set(id, {
      incarnationId,
      earlierLeaseEndsAt: Number.NEGATIVE_INFINITY,
      isDisconnected: false,
      creditMs: this.timeoutMs,
      metadataOffset: -1,
      shutdownOffset: undefined,
      ...facts,
    });
  }

  /** Its control stream ended: it has the grace to open another one. */
  connectionLost(id: NodeId, incarnationId: Uuid, now: Millis): void {
    const session = this.sessions.get(id);
    if (session?.incarnationId !== incarnationId) return;
    session.expiresAt = Math.min(session.expiresAt, now + this.graceMs);
    session.isDisconnected = true;
  }

  isLive(id: NodeId, now: Millis): boolean {
    const session = this.sessions.get(id);
    return session !== undefined && session.expiresAt > now;
  }

  /** The metadata offset that the broker has applied, as far as it said; -1 unknown. */
  metadataOffset(id: NodeId): Offset {
    return this.sessions.get(id)?.metadataOffset ?? -1;
  }

  shutdownStarted(id: NodeId, offset: Offset): void {
    const session = this.sessions.get(id);
    if (session !== undefined) session.shutdownOffset = offset;
  }

  /**
   * What the others must have applied before the broker may go. A shutdown that an earlier controller began
   * counts from our start.
   */
  shutdownOffset(id: NodeId): Offset {
    return this.sessions.get(id)?.shutdownOffset ?? this.startOffset;
  }

  fenced(id: NodeId, offset: Offset): void {
    this.fencedOffsets.set(id, offset);
  }

  /**
   * What a fenced broker must have applied before it is unfenced: a lease must not go to one that still leads
   * by metadata of before. One that an earlier controller fenced must have applied everything up to our
   * start.
   */
  unfenceOffset(id: NodeId): Offset {
    return this.fencedOffsets.get(id) ?? this.startOffset;
  }

  remove(id: NodeId): void {
    this.sessions.delete(id);
  }

  /** A new term: nothing is known of anybody. */
  reset(startOffset: Offset): void {
    this.sessions.clear();
    this.fencedOffsets.clear();
    this.startOffset = startOffset;
  }

  /** When the next session ends. */
  nextExpiry(): Millis | undefined {
    let next: Millis | undefined;
    for (const { expiresAt } of this.sessions.values()) {
      if (next === undefined || expiresAt < next) next = expiresAt;
    }
    return next;
  }

  /**
   * Removes and returns the sessions that have ended, by broker id.
   *
   * After a pause of this process heartbeats may lie unread in its sockets, so a late tick puts every session
   * off by the time that was lost. It does so for one session timeout at most until the broker is heard
   * again: a controller that is always late fences a silent broker within two timeouts.
   */
  takeExpired(now: Millis): EndedSession[] {
    const next = this.nextExpiry();
    if (next === undefined || next > now) return [];
    if (now - next > LATE_TICK_MS) this.putOff(now, now - next);
    const ended: EndedSession[] = [];
    for (const [brokerId, { expiresAt, isDisconnected }] of this.sessions)
      if (expiresAt <= now) ended.push({ brokerId, reason: isDisconnected ? 'disconnected' : 'silent' });
    for (const { brokerId } of ended) this.sessions.delete(brokerId);
    return ended.sort((a, b) => a.brokerId - b.brokerId);
  }

  private putOff(now: Millis, lateMs: Millis): void {
    for (const session of this.sessions.values()) {
      const until = now + Math.min(lateMs, session.creditMs);
      if (until <= session.expiresAt) continue;
      session.creditMs = Math.max(0, session.creditMs - (until - session.expiresAt));
      session.expiresAt = until;
    }
  }
}
