/** A classic member of a consumer group, for transcript tests. */
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  ErrorCode,
  type JoinGroupRequest,
} from '@millrace/protocol';
import { errorName, type GroupBench, type Owned } from './group-bench.ts';

const CLIENT = { clientId: 'k', clientHost: '/k' };
const NAME = 'range';

export class ClassicClient {
  memberId: string;
  readonly instanceId: string | null;
  generation = -1;
  readonly b: GroupBench;

  constructor(b: GroupBench, memberId: string, instanceId: string | null = null) {
    this.b = b;
    this.memberId = memberId;
    this.instanceId = instanceId;
  }

  join(topics: readonly string[], owned: Owned = {}, change: Partial<JoinGroupRequest> = {}): void {
    const request: JoinGroupRequest = {
      groupId: 'g',
      sessionTimeoutMs: 20_000,
      rebalanceTimeoutMs: 30_000,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType: 'consumer',
      protocols: [{ name: NAME, metadata: subscription(topics, owned) }],
      reason: null,
      ...change,
    };
    this.b.group.join({
      request,
      version: 9,
      client: CLIENT,
      reply: ({ errorCode, memberId, generationId }) => {
        const failed = errorCode !== undefined && errorCode !== ErrorCode.NONE;
        if (memberId !== undefined && memberId !== '') this.memberId = memberId;
        if (!failed) this.generation = generationId ?? -1;
        this.note('join', failed ? errorName(errorCode) : `generation ${generationId}`);
      },
    });
  }

  sync(change: { generationId?: number; protocolType?: string; protocolName?: string } = {}): void {
    const request = {
      groupId: 'g',
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType: 'consumer',
      protocolName: NAME,
      assignments: [],
      ...change,
    };
    this.b.group.sync({
      request,
      version: 5,
      client: CLIENT,
      reply: ({ errorCode, assignment }) => {
        const failed = errorCode !== undefined && errorCode !== ErrorCode.NONE;
        this.note('sync', failed ? errorName(errorCode) : showAssignment(assignment));
      },
    });
  }

  heartbeat(generationId = this.generation): void {
    const { memberId, instanceId: groupInstanceId } = this;
    this.b.group.classicHeartbeat({
      request: { groupId: 'g', generationId, memberId, groupInstanceId },
      version: 4,
      client: CLIENT,
      reply: ({ errorCode }) => this.note('heartbeat', errorName(errorCode ?? ErrorCode.NONE)),
    });
  }

  leave(): void {
    const member = { memberId: this.memberId, groupInstanceId: this.instanceId, reason: null };
    this.b.group.leave({
      request: { groupId: 'g', memberId: '', members: [member] },
      version: 5,
      client: CLIENT,
      reply: ({ errorCode, members }) => {
        const results = (members ?? []).map((result) => errorName(result.errorCode));
        this.note('leave', [errorName(errorCode ?? ErrorCode.NONE), ...results].join(' '));
      },
    });
  }

  private note(what: string, answer: string): void {
    this.b.port.note(`${this.memberId} ${what} < ${answer}`);
  }
}

export function subscription(topics: readonly string[], owned: Owned = {}): Uint8Array {
  const ownedPartitions = Object.entries(owned).map(([topic, partitions]) => ({ topic, partitions }));
  const value = { topics: [...topics], userData: null, ownedPartitions, generationId: -1, rackId: null };
  return consumerProtocolSubscription.encode(3, value);
}

export function assignment(owned: Owned, userData: Uint8Array | null = null): Uint8Array {
  const assignedPartitions = Object.entries(owned).map(([topic, partitions]) => ({ topic, partitions }));
  return consumerProtocolAssignment.encode(3, { assignedPartitions, userData });
}

export function showAssignment(bytes: Uint8Array | undefined): string {
  if (bytes === undefined || bytes.length === 0) return '-';
  const { assignedPartitions } = consumerProtocolAssignment.decode(bytes);
  return assignedPartitions.map(({ topic, partitions }) => `${topic}:${partitions}`).join(' ') || '-';
}
