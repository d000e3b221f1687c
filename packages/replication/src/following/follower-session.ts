/**
 * A fetch session, the follower's side (KIP-227): remembers what the leader was last asked, and says what to ask next
 * so that only changes travel. Knows nothing of logs.
 */
import type { RequestInputOf } from '@millrace/protocol';
import { type apis, ErrorCode } from '@millrace/protocol';
import type { FetchItem } from '../types.ts';

type FetchInput = RequestInputOf<typeof apis.fetch>;
export type SessionRequest = Required<
  Pick<FetchInput, 'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'>
>;

const EPOCH_MAX = 0x7fffffff;

export function itemKey(item: { readonly topicId: string; readonly partition: number }): string {
  return `${item.topicId}-${item.partition}`;
}

export class FollowerSession {
  private id = 0;
  /** 0: the next request is a full one. */
  private epoch = 0;
  /** What the leader's session holds, by key. */
  private known: ReadonlyMap<string, FetchItem> = new Map();

  /** The next request, so that the session comes to hold exactly `wanted`, which must not change any more. */
  build(wanted: ReadonlyMap<string, FetchItem>): SessionRequest {
    const toSend: FetchItem[] = [];
    const toForget: FetchItem[] = [];
    const isFull = this.epoch === 0;
    for (const [key, item] of wanted) {
      const known = isFull ? undefined : this.known.get(key);
      if (known === undefined || differs(known, item)) toSend.push(item);
    }
    if (!isFull) for (const [key, item] of this.known) if (!wanted.has(key)) toForget.push(item);
    this.known = wanted;
    return {
      sessionId: this.id,
      sessionEpoch: this.epoch,
      topics: byTopic(toSend).map(({ topic, topicId, items }) => ({ topic, topicId, partitions: items })),
      forgottenTopicsData: byTopic(toForget).map(({ topic, topicId, items }) => ({
        topic,
        topicId,
        partitions: items.map((item) => item.partition),
      })),
    };
  }

  /** Returns false when the leader refused the session: ask again in full. */
  accept(response: { readonly errorCode: number; readonly sessionId: number }): boolean {
    if (response.errorCode !== ErrorCode.NONE) {
      if (response.errorCode === ErrorCode.FETCH_SESSION_ID_NOT_FOUND) this.id = 0;
      this.epoch = 0;
      return false;
    }
    this.epoch = response.sessionId === 0 ? 0 : this.epoch === EPOCH_MAX ? 1 : this.epoch + 1;
    this.id = response.sessionId;
    return true;
  }

  /** The connection broke: the next request is a full one, and closes the session that was. */
  reset(): void {
    this.epoch = 0;
  }
}

function differs(a: FetchItem, b: FetchItem): boolean {
  if (a === b) return false;
  return (
    a.fetchOffset !== b.fetchOffset ||
    a.currentLeaderEpoch !== b.currentLeaderEpoch ||
    a.lastFetchedEpoch !== b.lastFetchedEpoch ||
    a.logStartOffset !== b.logStartOffset ||
    a.partitionMaxBytes !== b.partitionMaxBytes
  );
}

function byTopic(
  items: readonly FetchItem[],
): { topic: string; topicId: FetchItem['topicId']; items: FetchItem[] }[] {
  const topics = new Map<
    FetchItem['topicId'],
    { topic: string; topicId: FetchItem['topicId']; items: FetchItem[] }
  >();
  for (const item of items) {
    const topic = topics.get(item.topicId);
    if (topic === undefined)
      topics.set(item.topicId, { topic: item.topic, topicId: item.topicId, items: [item] });
    else topic.items.push(item);
  }
  return [...topics.values()];
}
