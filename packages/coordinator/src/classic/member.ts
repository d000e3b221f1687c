/** One member of a group: the facts from its JoinGroup, its assignment, and its parked calls. */
import type { Millis } from '@millrace/base';
import type { ClientFacts } from '../client-facts.ts';
import type { Alarm } from '../runtime/alarm.ts';
import type { ParkedJoin, ParkedSync } from './calls.ts';

/** A protocol that a member supports, and the member's metadata for it (`subscription` in the record). */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface MemberFacts {
  readonly memberId: string;
  /** Null: a dynamic member. */
  readonly groupInstanceId: string | null;
  readonly client: ClientFacts;
  readonly rebalanceTimeoutMs: Millis;
  readonly sessionTimeoutMs: Millis;
  /** In the member's order of preference. */
  readonly protocols: readonly MemberProtocol[];
  readonly assignment: Uint8Array;
}

/** What may change from one JoinGroup of a member to the next. */
export type Joining = Pick<MemberFacts, 'rebalanceTimeoutMs' | 'sessionTimeoutMs' | 'protocols'>;

export const NO_ASSIGNMENT: Uint8Array = new Uint8Array(0);

export class Member implements MemberFacts {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly client: ClientFacts;
  rebalanceTimeoutMs: Millis;
  sessionTimeoutMs: Millis;
  /**
   * `Members` counts how many members support each protocol. So a change of the protocols must update these
   * counts (`Members.update`, `Members.become`).
   */
  protocols: readonly MemberProtocol[];
  assignment: Uint8Array;
  /** True from `awaitFirstJoin` until the next generation: the client may not know the member id yet. */
  isNew = false;
  /** Set only by `Members`, which counts the parked joins. */
  parkedJoin: ParkedJoin | undefined;
  parkedSync: ParkedSync | undefined;
  /** The timeout of the present session, or of the first join. */
  expiresAfterMs: Millis = 0;
  private readonly session: Alarm;

  constructor(facts: MemberFacts, session: (member: Member) => Alarm) {
    this.memberId = facts.memberId;
    this.groupInstanceId = facts.groupInstanceId;
    this.client = facts.client;
    this.rebalanceTimeoutMs = facts.rebalanceTimeoutMs;
    this.sessionTimeoutMs = facts.sessionTimeoutMs;
    this.protocols = facts.protocols;
    this.assignment = facts.assignment;
    this.session = session(this);
  }

  get isStatic(): boolean {
    return this.groupInstanceId !== null;
  }

  /**
   * Takes over the facts about this member in a replayed record. The record has only the protocol that the
   * group chose. If the record has the member's present metadata for this protocol, the member keeps its
   * other protocols, too.
   */
  recall(facts: MemberFacts): void {
    const [recorded] = facts.protocols;
    const own = this.metadata(recorded!.name);
    if (own === undefined || !sameBytes(own, recorded!.metadata)) this.protocols = facts.protocols;
    this.rebalanceTimeoutMs = facts.rebalanceTimeoutMs;
    this.sessionTimeoutMs = facts.sessionTimeoutMs;
    this.assignment = facts.assignment;
  }

  /** The member's metadata for a protocol; undefined if the member does not support it. */
  metadata(protocolName: string | null): Uint8Array | undefined {
    return this.protocols.find(({ name }) => name === protocolName)?.metadata;
  }

  /** True if these are the member's protocols, with the same metadata and in the same order. */
  supportsExactly(protocols: readonly MemberProtocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every((protocol, index) => {
        const own = this.protocols[index]!;
        return own.name === protocol.name && sameBytes(own.metadata, protocol.metadata);
      })
    );
  }

  /**
   * Begins a new session with the full session timeout. While a call of the member is parked, the session is
   * paused, because the client waits for the group. The session of a new member is never paused: if its
   * client is gone, the group can remove the member even while its join is parked.
   */
  restartSession(): void {
    const isPaused = !this.isNew && (this.parkedJoin !== undefined || this.parkedSync !== undefined);
    if (isPaused) this.session.clear();
    else this.expireAfter(this.sessionTimeoutMs);
  }

  /**
   * Call it before the first join of the member is parked. The member expires after `timeoutMs`. Its session
   * begins with the answer to the join.
   */
  awaitFirstJoin(timeoutMs: Millis): void {
    this.isNew = true;
    this.expireAfter(timeoutMs);
  }

  private expireAfter(timeoutMs: Millis): void {
    this.expiresAfterMs = timeoutMs;
    this.session.set(timeoutMs);
  }

  /** Call it when a call of this member is parked. */
  pauseSession(): void {
    if (!this.isNew) this.session.clear();
  }

  endSession(): void {
    this.session.clear();
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
