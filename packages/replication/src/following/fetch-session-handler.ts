/**
 * The follower's side of a fetch session (KIP-227), like Kafka's FetchSessionHandler. Remembers the items
 * that the leader's session holds: partitions, each with its fetch offset. Builds the next request so that it
 * names only the changes. So unchanged partitions cost nothing. Knows nothing about logs.
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

export class FetchSessionHandler {
  private id = 0;
  /** The epoch of the next request. 0: the request is a full one. */
  private epoch = 0;
  /** The items that the next request must fetch, by key. */
  private readonly wanted = new Map<string, FetchItem>();
  /** The items that the leader's session holds, by key. */
  private readonly known = new Map<string, FetchItem>();
  /** Keys under which `wanted` and `known` may differ. */
  private readonly changed = new Set<string>();

  /** How many partitions the next request asks for. */
  get size(): number {
    return this.wanted.size;
  }

  /**
   * Fetches this item from the next request on. Replaces the earlier item of its key. The caller must not
   * change the item afterwards.
   */
  want(key: string, item: FetchItem): void {
    if (this.wanted.get(key) === item) return;
    this.wanted.set(key, item);
    this.changed.add(key);
  }

  /** Fetches nothing under this key from the next request on. */
  drop(key: string): void {
    if (this.wanted.delete(key)) this.changed.add(key);
  }

  /** Builds the next request. After this request, the leader's session holds exactly the wanted items. */
  build(): SessionRequest {
    const toSend: FetchItem[] = [];
    const toForget: FetchItem[] = [];
    if (this.epoch === 0) this.startAnew();
    for (const key of this.changed) {
      const item = this.wanted.get(key);
      const known = this.known.get(key);
      if (item === undefined) {
        if (known !== undefined) toForget.push(known);
        this.known.delete(key);
      } else {
        if (known === undefined || differs(known, item)) toSend.push(item);
        this.known.set(key, item);
      }
    }
    this.changed.clear();
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

  /** Prepares a full request: it names all wanted items. */
  private startAnew(): void {
    this.known.clear();
    this.changed.clear();
    for (const key of this.wanted.keys()) this.changed.add(key);
  }

  /**
   * Returns false when the response has an error for the whole request, for example because the leader has no
   * such session. Then the next request is a full one.
   */
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

  /**
   * Called for a new connection. The next request is a full one, and closes the session of an earlier
   * connection.
   */
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
