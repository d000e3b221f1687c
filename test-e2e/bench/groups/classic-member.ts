/**
 * A member of a classic group: it sends JoinGroup, SyncGroup and Heartbeat. If it is the leader, it assigns
 * ranges of partitions.
 */
import {
  apis,
  CONSUMER_PROTOCOL_TYPE,
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  ErrorCode,
  type JoinGroupResponse,
} from '@millrace/protocol';
import { rangesOf } from './group.ts';
import { encodedFrame, type Lane } from './lane.ts';
import { type Done, Member, outcomeOf, RETRY_MS } from './member.ts';

const JOIN_VERSION = 9;
const SYNC_VERSION = 5;
const HEARTBEAT_VERSION = 4;
const LEAVE_VERSION = 5;
const PROTOCOL = 'range';
const SUBSCRIPTION_VERSION = 0;

export class ClassicMember extends Member {
  #beats = false;
  /** A JoinGroup or a SyncGroup has no answer yet. */
  #joins = false;
  #heartbeatFrame: Uint8Array | undefined;

  heartbeat(done?: Done): boolean {
    const { coordinator } = this.group;
    if (coordinator === undefined || this.#beats || !this.isStable || this.isDead) return false;
    this.#beats = true;
    const sentMs = performance.now();
    const { heartbeat } = apis;
    this.#heartbeatFrame ??= encodedFrame(heartbeat, HEARTBEAT_VERSION, {
      groupId: this.group.id,
      generationId: this.epoch,
      memberId: this.memberId,
    });
    this.laneTo(coordinator).sendFrame(this.#heartbeatFrame, (frame) => {
      this.#beats = false;
      // The body follows the correlation id (4 bytes) and an empty set of tags (1 byte).
      const code =
        frame === undefined ? undefined : heartbeat.decodeResponse(HEARTBEAT_VERSION, frame, 5).errorCode;
      const outcome = outcomeOf(code);
      if (outcome === 'ok') {
        this.heardMs = sentMs;
        this.group.world.heartbeatAnswered?.(this, coordinator);
      } else if (!this.isDead) {
        if (outcome !== 'rebalance') this.failed(`heartbeat ${code}`, outcome, coordinator);
        if (outcome === 'loading') this.later(RETRY_MS, () => this.heartbeat());
        if (outcome === 'rebalance') {
          this.group.world.rebalances++;
          this.#rejoin();
        }
        if (outcome === 'out') this.#rejoin(true);
      }
      done?.(outcome);
    });
    return true;
  }

  join(): void {
    const { group } = this;
    const { world, coordinator } = group;
    // A second JoinGroup would get a second member id. Apache Kafka reads the requests of a connection one by
    // one, so it would end no join phase until the session of one of the two ids has ended.
    if (coordinator === undefined || this.isDead || this.#joins) return;
    this.#joins = true;
    this.isStable = false;
    const metadata = consumerProtocolSubscription.encode(SUBSCRIPTION_VERSION, { topics: [world.topic] });
    const body = {
      groupId: group.id,
      sessionTimeoutMs: world.sessionMs,
      rebalanceTimeoutMs: world.rebalanceMs,
      memberId: this.memberId,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocols: [{ name: PROTOCOL, metadata }],
    };
    this.laneTo(coordinator).request(apis.joinGroup, JOIN_VERSION, body, (answer) => {
      this.#joins = false;
      if (this.isDead) return;
      if (answer?.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
        this.memberId = answer.memberId;
        this.join();
        return;
      }
      if (answer?.errorCode !== ErrorCode.NONE)
        return this.#retryJoin('join', answer?.errorCode, coordinator);
      this.memberId = answer.memberId;
      this.epoch = answer.generationId;
      this.#sync(answer, coordinator);
    });
  }

  resume(): void {
    if (this.isDead) return;
    if (this.isStable) this.heartbeat();
    else this.#rejoin();
  }

  protected sendLeave(lane: Lane): void {
    const body = { groupId: this.group.id, memberId: '', members: [{ memberId: this.memberId }] };
    lane.request(apis.leaveGroup, LEAVE_VERSION, body, () => {});
  }

  #sync(joined: JoinGroupResponse, coordinator: number): void {
    const { group } = this;
    const assignments = joined.leader === this.memberId ? this.#assign(joined) : [];
    const body = {
      groupId: group.id,
      generationId: this.epoch,
      memberId: this.memberId,
      protocolType: CONSUMER_PROTOCOL_TYPE,
      protocolName: joined.protocolName,
      assignments,
    };
    this.#joins = true;
    this.laneTo(coordinator).request(apis.syncGroup, SYNC_VERSION, body, (answer) => {
      this.#joins = false;
      if (this.isDead) return;
      if (answer?.errorCode !== ErrorCode.NONE)
        return this.#retryJoin('sync', answer?.errorCode, coordinator);
      const { assignedPartitions } = consumerProtocolAssignment.decode(answer.assignment);
      this.partitions = assignedPartitions.flatMap(({ partitions }) => partitions);
      this.#heartbeatFrame = undefined;
      this.isStable = true;
      this.heardMs = performance.now();
      group.changed();
    });
  }

  #assign({ members }: JoinGroupResponse): { memberId: string; assignment: Uint8Array }[] {
    const { topic, partitions } = this.group.world;
    const ids = members.map(({ memberId }) => memberId).sort();
    const ranges = rangesOf(partitions, ids.length);
    return ids.map((memberId, i) => {
      const assignedPartitions = [{ topic, partitions: ranges[i]! }];
      return {
        memberId,
        assignment: consumerProtocolAssignment.encode(SUBSCRIPTION_VERSION, { assignedPartitions }),
      };
    });
  }

  #retryJoin(what: string, errorCode: number | undefined, coordinator: number): void {
    const outcome = outcomeOf(errorCode);
    if (outcome !== 'rebalance') this.failed(`${what} ${errorCode}`, outcome, coordinator);
    if (outcome === 'rebalance') this.#rejoin();
    else if (outcome === 'out') this.#rejoin(true);
    else if (outcome !== 'lost') this.later(RETRY_MS, () => this.isStable || this.#rejoin());
  }

  #rejoin(isOut = false): void {
    this.isStable = false;
    if (isOut) this.memberId = '';
    this.group.wantsToJoin(this);
  }
}
