/**
 * The sessions of brokers: which brokers are alive, and until when. Volatile: they belong to one controller
 * epoch, and are never replicated. fencing.ts fences a broker when its session ends.
 */
import type { Millis, NodeId, Offset, Uuid } from '@millrace/base';
import type { BrokerRegistration } from '@millrace/metadata';

interface Session {
  readonly incarnationId: Uuid;
  expiresAt: Millis;
  /**
   * The control stream of this incarnation to this controller. `unseen`: the incarnation has not contacted
   * this controller. A stream that the broker closed with `leaves` counts as open until the session ends,
   * because the broker still lives.
   */
  stream: 'unseen' | 'open' | 'ended';
  /** True if the end of the control stream shortened this session. */
  isDisconnected: boolean;
  /**
   * How far pauses of this process may still postpone `expiresAt`, in milliseconds. Each heartbeat resets
   * this credit to the full session timeout.
   */
  creditMs: Millis;
  /** The largest metadata offset that the broker reported as applied; -1 unknown. */
  metadataOffset: Offset;
  /** The offset of the last record of the broker's controlled shutdown; undefined before a shutdown. */
  shutdownOffset: Offset | undefined;
}

export interface EndedSession {
  readonly brokerId: NodeId;
  /**
   * Silent: the broker sent nothing for a whole session, so its lease is over. Disconnected: its control
   * stream ended, and the grace is over.
   */
  readonly reason: 'silent' | 'disconnected';
}

/**
 * Each broker's or controller's clock drifts from true time by less than this fraction. NTP slews by at most
 * 0.0005.
 */
const CLOCK_DRIFT_MAX = 0.001;

/**
 * The length of a lease. The lease ends before a session that began later, even when the two clocks drift
 * apart (docs/leases.md). One millisecond is subtracted because clocks return whole milliseconds.
 */
export function leaseMs(sessionTimeoutMs: Millis): Millis {
  return Math.max(0, Math.floor(sessionTimeoutMs * (1 - 2 * CLOCK_DRIFT_MAX)) - 1);
}

/**
 * The inverse of `leaseMs`: the length of a session that ends after a lease of this length that began
 * earlier, even when the two clocks drift apart.
 */
function sessionMsFor(lease: Millis): Millis {
  return Math.ceil(lease / (1 - 2 * CLOCK_DRIFT_MAX)) + 1;
}

/**
 * If a tick comes more than this time after its deadline, this process may have been paused, with unread
 * heartbeats in its sockets.
 */
const LATE_TICK_MS = 100;

export class BrokerSessions {
  private readonly sessions = new Map<NodeId, Session>();
  private readonly timeoutMs: Millis;
  private readonly graceMs: Millis;
  /**
   * By broker, the latest time at which a lease from an earlier controller may end, and the incarnation that
   * may hold it. No session of that incarnation ends earlier for silence, because the broker may never
   * receive this controller's shorter lease. A broker whose stream breaks may come back with the earlier
   * lease.
   */
  private readonly earlierLeases = new Map<
    NodeId,
    { readonly incarnationId: Uuid; readonly endsAt: Millis }
  >();
  /** The last committed offset when this controller became active. */
  private startOffset: Offset = -1;
  /** By broker: the last offset of the batch that fenced it in this controller epoch. */
  private readonly fencedOffsets = new Map<NodeId, Offset>();

  constructor(timeoutMs: Millis, graceMs: Millis) {
    this.timeoutMs = timeoutMs;
    this.graceMs = graceMs;
  }

  /**
   * Called when the broker registered or sent a heartbeat. From now, its session lasts a full timeout or
   * more.
   */
  touch(id: NodeId, incarnationId: Uuid, now: Millis, metadataOffset: Offset = -1): void {
    const session = this.sessions.get(id);
    const expiresAt = Math.max(now + this.timeoutMs, this.earlierLeaseEnd(id, incarnationId));
    if (session?.incarnationId !== incarnationId) {
      this.begin(id, incarnationId, { expiresAt, metadataOffset, stream: 'open' });
      return;
    }
    session.expiresAt = expiresAt;
    session.creditMs = this.timeoutMs;
    session.stream = 'open';
    session.isDisconnected = false;
    session.metadataOffset = Math.max(session.metadataOffset, metadataOffset);
  }

  /**
   * Called for each registered broker at a new leadership. An earlier controller may have had another
   * timeout, and may have granted the longest lease that the broker accepts. A fenced broker may still hold
   * such a lease if only its control stream broke. A fenced broker gets a session when it contacts this
   * controller.
   */
  takeOver({ id, incarnationId, sessionTimeoutMs, fenced }: BrokerRegistration, now: Millis): void {
    const expiresAt = now + Math.max(this.timeoutMs, sessionMsFor(sessionTimeoutMs));
    this.earlierLeases.set(id, { incarnationId, endsAt: expiresAt });
    if (!fenced) this.begin(id, incarnationId, { expiresAt, stream: 'unseen' });
  }

  private earlierLeaseEnd(id: NodeId, incarnationId: Uuid): Millis {
    const lease = this.earlierLeases.get(id);
    return lease?.incarnationId === incarnationId ? lease.endsAt : Number.NEGATIVE_INFINITY;
  }

  private begin(
    id: NodeId,
    incarnationId: Uuid,
    facts: Pick<Session, 'expiresAt' | 'stream'> & Partial<Pick<Session, 'metadataOffset'>>,
  ): void {
    this.sessions.set(id, {
      incarnationId,
      isDisconnected: false,
      creditMs: this.timeoutMs,
      metadataOffset: -1,
      shutdownOffset: undefined,
      ...facts,
    });
  }

  /** Called when the broker's control stream ended for a reason that leaves the session as it is. */
  streamEnded(id: NodeId, incarnationId: Uuid): void {
    const session = this.sessions.get(id);
    if (session?.incarnationId === incarnationId) session.stream = 'ended';
  }

  /**
   * Called when the broker's control stream ended. The session ends after the grace, unless the broker
   * contacts the controller before.
   */
  connectionLost(id: NodeId, incarnationId: Uuid, now: Millis): void {
    const session = this.sessions.get(id);
    if (session?.incarnationId !== incarnationId) return;
    session.stream = 'ended';
    session.expiresAt = Math.min(session.expiresAt, now + this.graceMs);
    session.isDisconnected = true;
  }

  /** Whether the broker's process has contacted this controller, and its control stream has not ended. */
  hasOpenStream(id: NodeId): boolean {
    return this.sessions.get(id)?.stream === 'open';
  }

  /**
   * When the session ends, unless the broker contacts the controller before; undefined: the broker has no
   * session. A session whose time is over lasts until the next `takeExpired`. If that call comes late, it may
   * extend the session.
   */
  expiresAt(id: NodeId): Millis | undefined {
    return this.sessions.get(id)?.expiresAt;
  }

  /** The metadata offset that the broker reported as applied; -1 unknown. */
  metadataOffset(id: NodeId): Offset {
    return this.sessions.get(id)?.metadataOffset ?? -1;
  }

  shutdownStarted(id: NodeId, offset: Offset): void {
    const session = this.sessions.get(id);
    if (session !== undefined) session.shutdownOffset = offset;
  }

  /**
   * The offset that all active brokers must have applied before this broker may stop. For a shutdown that an
   * earlier controller began, it is the start of this controller epoch.
   */
  shutdownOffset(id: NodeId): Offset {
    return this.sessions.get(id)?.shutdownOffset ?? this.startOffset;
  }

  fenced(id: NodeId, offset: Offset): void {
    this.fencedOffsets.set(id, offset);
  }

  /**
   * The offset that a fenced broker must have applied before the controller unfences it. Otherwise a lease
   * could go to a broker that still leads according to older metadata. If an earlier controller fenced the
   * broker, the offset is the start of this controller epoch.
   */
  unfenceOffset(id: NodeId): Offset {
    return this.fencedOffsets.get(id) ?? this.startOffset;
  }

  /** Begins a new controller epoch without sessions. */
  reset(startOffset: Offset): void {
    this.sessions.clear();
    this.earlierLeases.clear();
    this.fencedOffsets.clear();
    this.startOffset = startOffset;
  }

  /** The time at which the next session ends. */
  nextExpiry(): Millis | undefined {
    let next: Millis | undefined;
    for (const { expiresAt } of this.sessions.values()) {
      if (next === undefined || expiresAt < next) next = expiresAt;
    }
    return next;
  }

  /**
   * Removes and returns the sessions that have ended, sorted by broker id.
   *
   * After a pause of this process, unread heartbeats may lie in its sockets. So a tick that is N milliseconds
   * late first extends the sessions: each lasts at least N milliseconds from now. Between two heartbeats of
   * its broker, a session grows by one session timeout at most. So even a controller that is always late
   * fences a silent broker.
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
