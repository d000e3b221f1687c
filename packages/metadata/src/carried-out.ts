/**
 * What clients' requests have done to topics, by the request: a broker that heard no answer sends its request
 * again, and a copy may arrive later than its retry was answered. Kept in the metadata, because the next
 * controller may be the one that is asked. It is for retries, so only the latest changes are remembered. A
 * request that created a topic is known by the topic's id (CreateTopics), so here are those that deleted
 * topics or gave them more partitions, and the ids of deleted topics.
 */
import type { Uuid } from '@millrace/base';
import { Map as ImmutableMap } from 'immutable';

/** A topic that was deleted or given more partitions. */
export interface ChangedTopic {
  readonly name: string;
  readonly topicId: Uuid;
}

type Changes = ImmutableMap<string, ChangedTopic>;

/** So many at least are remembered, twice as many at most. */
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

  /**
   * What the request did to the topic that it calls so, by name or by id; undefined: nothing that is
   * remembered.
   */
  find(requestId: Uuid | undefined, nameOrId: string): ChangedTopic | undefined {
    if (requestId === undefined) return undefined;
    const key = keyOf(requestId, nameOrId);
    return this.newer.get(key) ?? this.older.get(key);
  }

  /** Whether there was a topic of this id. */
  isDeleted(topicId: Uuid): boolean {
    return this.newer.has(topicId) || this.older.has(topicId);
  }

  /** A request may call the topic by its name or by its id. */
  withDeleted(requestId: Uuid | undefined, topic: ChangedTopic): CarriedOut {
    const { name, topicId } = topic;
    const next = this.with(topicId, topic);
    if (requestId === undefined) return next;
    return next.with(keyOf(requestId, name), topic).with(keyOf(requestId, topicId), topic);
  }

  withGrown(requestId: Uuid, topic: ChangedTopic): CarriedOut {
    return this.with(keyOf(requestId, topic.name), topic);
  }

  toPlain(): unknown {
    const sorted = (changes: Changes) => [...changes].sort(([a], [b]) => (a < b ? -1 : 1));
    return [sorted(this.older), sorted(this.newer)];
  }

  private with(key: string, topic: ChangedTopic): CarriedOut {
    if (this.newer.size < REMEMBERED_MIN) return new CarriedOut(this.older, this.newer.set(key, topic));
    return new CarriedOut(this.newer, ImmutableMap([[key, topic]]));
  }
}

function keyOf(requestId: Uuid, nameOrId: string): string {
  return `${requestId} ${nameOrId}`;
}
