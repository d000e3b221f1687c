/**
 * Remembers which client requests changed which topics and configs, so that a retry of such a request gets
 * the same answer. The changes are part of the metadata, because a retry may reach the next controller. Only
 * retries need them, so only the latest changes are kept. The class holds requests that deleted topics, added
 * partitions or altered configs, and the ids of deleted topics. It does not hold CreateTopics requests,
 * because the id of a new topic already identifies its request.
 */
import type { Uuid } from '@millrace/base';
import { Map as ImmutableMap } from 'immutable';

/** A topic that was deleted or given more partitions. */
export interface ChangedTopic {
  readonly name: string;
  readonly topicId: Uuid;
}

/** A change of configs has no topic. */
type Changes = ImmutableMap<string, ChangedTopic | undefined>;

/**
 * The class keeps at least this many of the latest entries, and at most twice as many. A deletion has up to
 * three entries.
 */
const REMEMBERED_MIN = 20_000;

export class CarriedOut {
  static readonly EMPTY = new CarriedOut(ImmutableMap(), ImmutableMap());
  private readonly older: Changes;
  private readonly newer: Changes;

  private constructor(older: Changes, newer: Changes) {
    this.older = older;
    this.newer = newer;
  }

  get size(): number {
    return this.older.size + this.newer.size;
  }

  /** The change that this request made to the topic of this name or id. Undefined: none is remembered. */
  find(requestId: Uuid | undefined, nameOrId: string): ChangedTopic | undefined {
    if (requestId === undefined) return undefined;
    const key = keyOf(requestId, nameOrId);
    return this.newer.get(key) ?? this.older.get(key);
  }

  /** True if a topic with this id was deleted. False if that was so long ago that the entry is gone. */
  isDeleted(topicId: Uuid): boolean {
    return this.newer.has(topicId) || this.older.has(topicId);
  }

  /**
   * Remembers that the topic was deleted. If the request has an id, also remembers the deletion for the
   * request and the topic's name, and for the request and the topic's id: a retry may name the topic by name
   * or by id.
   */
  withDeleted(requestId: Uuid | undefined, topic: ChangedTopic): CarriedOut {
    const { name, topicId } = topic;
    const next = this.with(topicId, topic);
    if (requestId === undefined) return next;
    return next.with(keyOf(requestId, name), topic).with(keyOf(requestId, topicId), topic);
  }

  withGrown(requestId: Uuid, topic: ChangedTopic): CarriedOut {
    return this.with(keyOf(requestId, topic.name), topic);
  }

  /** True if this request altered the configs of the resource. `resource`: type and name, as `topic a`. */
  hasAltered(requestId: Uuid | undefined, resource: string): boolean {
    if (requestId === undefined) return false;
    const key = keyOf(requestId, resource);
    return this.newer.has(key) || this.older.has(key);
  }

  withAltered(requestId: Uuid, resource: string): CarriedOut {
    return this.with(keyOf(requestId, resource), undefined);
  }

  toPlain(): unknown {
    const sorted = (changes: Changes) => [...changes].sort(([a], [b]) => (a < b ? -1 : 1));
    return [sorted(this.older), sorted(this.newer)];
  }

  private with(key: string, topic: ChangedTopic | undefined): CarriedOut {
    if (this.newer.size < REMEMBERED_MIN) return new CarriedOut(this.older, this.newer.set(key, topic));
    return new CarriedOut(this.newer, ImmutableMap([[key, topic]]));
  }
}

function keyOf(requestId: Uuid, nameOrId: string): string {
  return `${requestId} ${nameOrId}`;
}
