/**
 * A member of a KIP-848 group. When its assignment has changed, it sends a heartbeat that acknowledges the
 * assignment at once, as Kafka's own client does. After an error, its next heartbeat has all fields.
 */
import { randomBytes } from 'node:crypto';
import { apis, type ConsumerGroupHeartbeatResponse, ErrorCode } from '@millrace/protocol';
import { encodedFrame, type Lane } from './lane.ts';
import { type Done, Member, outcomeOf, RETRY_MS } from './member.ts';

const HEARTBEAT_VERSION = 1;
const LEAVE_EPOCH = -1;

export class ConsumerMember extends Member {
  #beats = false;
  #tellsAll = false;
  #acknowledges = false;
  /** The encoded heartbeat that reports no change, and the member epoch in it. */
  #idleFrame: { epoch: number; frame: Uint8Array } | undefined;

  heartbeat(done?: Done): boolean {
    const { coordinator } = this.group;
    if (coordinator === undefined || this.#beats || this.isDead || this.memberId === '') return false;
    this.#beats = true;
    const sentMs = performance.now();
    const { consumerGroupHeartbeat } = apis;
    this.laneTo(coordinator).sendFrame(this.#frame(), (frame) => {
      this.#beats = false;
      // The body follows the correlation id (4 bytes) and an empty set of tags (1 byte).
      const answer =
        frame === undefined ? undefined : consumerGroupHeartbeat.decodeResponse(HEARTBEAT_VERSION, frame, 5);
      const outcome = outcomeOf(answer?.errorCode);
      if (answer?.errorCode === ErrorCode.NONE) {
        this.heardMs = sentMs;
        if (!this.isDead) this.#learn(answer);
        this.group.world.heartbeatAnswered?.(this, coordinator);
      } else if (!this.isDead) {
        this.#tellsAll = true;
        this.failed(`heartbeat ${answer?.errorCode}`, outcome, coordinator);
        if (outcome === 'out') this.#restart();
        if (outcome !== 'lost') this.later(RETRY_MS, () => this.heartbeat());
      }
      done?.(outcome);
    });
    return true;
  }

  join(): void {
    if (this.isDead) return;
    this.memberId = randomBytes(16).toString('base64url');
    this.#restart();
    this.heartbeat();
  }

  resume(): void {
    this.heartbeat();
  }

  protected sendLeave(lane: Lane): void {
    const body = { groupId: this.group.id, memberId: this.memberId, memberEpoch: LEAVE_EPOCH };
    lane.request(apis.consumerGroupHeartbeat, HEARTBEAT_VERSION, body, () => {});
  }

  #restart(): void {
    this.isStable = false;
    this.epoch = 0;
    this.partitions = [];
    this.#tellsAll = true;
    this.#acknowledges = false;
  }

  #frame(): Uint8Array {
    const { group, epoch } = this;
    const { world } = group;
    const { consumerGroupHeartbeat: api } = apis;
    const base = { groupId: group.id, memberId: this.memberId, memberEpoch: epoch };
    if (!this.#tellsAll && !this.#acknowledges) {
      if (this.#idleFrame?.epoch !== epoch)
        this.#idleFrame = { epoch, frame: encodedFrame(api, HEARTBEAT_VERSION, base) };
      return this.#idleFrame.frame;
    }
    const topicPartitions =
      this.partitions.length === 0 ? [] : [{ topicId: world.topicId, partitions: [...this.partitions] }];
    const facts = { rebalanceTimeoutMs: world.rebalanceMs, subscribedTopicNames: [world.topic] };
    const frame = encodedFrame(api, HEARTBEAT_VERSION, {
      ...base,
      ...(this.#tellsAll ? facts : {}),
      topicPartitions,
    });
    this.#tellsAll = false;
    this.#acknowledges = false;
    return frame;
  }

  #learn({ memberEpoch, assignment }: ConsumerGroupHeartbeatResponse): void {
    const isNewEpoch = memberEpoch !== this.epoch;
    this.epoch = memberEpoch;
    const assigned = assignment?.topicPartitions
      .flatMap(({ partitions }) => partitions)
      .sort((a, b) => a - b);
    const isNew = assigned !== undefined && assigned.join() !== this.partitions.join();
    if (isNew) {
      this.partitions = assigned;
      this.#acknowledges = true;
    }
    const wasStable = this.isStable;
    this.isStable = true;
    if (isNew || isNewEpoch || !wasStable) this.group.changed();
    if (isNew) this.heartbeat();
  }
}
