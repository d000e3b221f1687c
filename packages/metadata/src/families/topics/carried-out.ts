/**
 * Remembers which client requests changed which topics and configs, so that a retry of such a request gets
 * the same answer. The changes are part of the metadata, because a retry may reach the next controller. Only
 * retries need them, so only the latest changes are kept. The class holds requests that deleted topics, added
 * partitions or altered configs, and the ids of deleted topics. It does not hold CreateTopics requests,
 * because the id of a new topic already identifies its request.
 */
import type { Uuid } from '@millrace/base';
import { Map as ImmutableMap } from 'immutable';
import type { RecordOf } from '../../records.ts';

/** A topic that was deleted or given more partitions. */
export interface ChangedTopic {
  readonly name: string;
  readonly topicId: Uuid;
}

type Resource = Pick<RecordOf<'alterConfigs'>, 'resourceType' | 'resourceName'>;

/** A `Latest` keeps at least this many of its latest entries, and at most twice as many. */
const REMEMBERED_MIN = 20_000;

/** The latest entries, in two generations. When the newer one is full, the older one is dropped. */
class Latest<T> {
  private readonly older: ImmutableMap<string, T>;
  private readonly newer: ImmutableMap<string, T>;

  constructor(
    older: ImmutableMap<string, T> = ImmutableMap(),
    newer: ImmutableMap<string, T> = ImmutableMap(),
  ) {
    this.older = older;
    this.newer = newer;
  }

  get size(): number {
    return this.older.size + this.newer.size;
  }

  get(key: string): T | undefined {
    return this.newer.get(key) ?? this.older.get(key);
  }

  with(key: string, entry: T): Latest<T> {
    if (this.newer.size < REMEMBERED_MIN) return new Latest(this.older, this.newer.set(key, entry));
    return new Latest(this.newer, ImmutableMap([[key, entry]]));
  }

  /**
   * All entries, the older generation first. Added in this order to an empty `Latest`, they give an equal
   * one.
   */
  *entries(): Generator<[key: string, entry: T]> {
    yield* this.older;
    yield* this.newer;
  }

  toPlain(): unknown {
    const sorted = (entries: ImmutableMap<string, T>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    return [sorted(this.older), sorted(this.newer)];
  }
}

/**
 * The changes that the latest requests made. A request may alter the configs of thousands of resources. So
 * altered configs have a limit of their own, and never push out deleted topics. Deletions and extensions
 * share a limit: a deletion has up to three entries, and each topic that a request extends has one.
 */
export class CarriedOut {
  static readonly EMPTY = new CarriedOut(new Latest(), new Latest());
  private readonly topics: Latest<ChangedTopic>;
  private readonly configs: Latest<true>;

  private constructor(topics: Latest<ChangedTopic>, configs: Latest<true>) {
    this.topics = topics;
    this.configs = configs;
  }

  get size(): number {
    return this.topics.size + this.configs.size;
  }

  /** The change that this request made to the topic of this name or id. Undefined: none is remembered. */
  find(requestId: Uuid | undefined, nameOrId: string): ChangedTopic | undefined {
    return requestId === undefined ? undefined : this.topics.get(keyOf(requestId, nameOrId));
  }

  /** True if a topic with this id was deleted. False if that was so long ago that the entry is gone. */
  isDeleted(topicId: Uuid): boolean {
    return this.topics.get(topicId) !== undefined;
  }

  /**
   * Remembers that the topic was deleted. If the request has an id, also remembers the deletion for the
   * request and the topic's name, and for the request and the topic's id, because a retry may name the topic
   * by name or by id.
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

  /** True if this request altered the configs of the resource. */
  hasAltered(requestId: Uuid | undefined, resource: Resource): boolean {
    return requestId !== undefined && this.configs.get(alteredKey(requestId, resource)) !== undefined;
  }

  withAltered(requestId: Uuid, resource: Resource): CarriedOut {
    return new CarriedOut(this.topics, this.configs.with(alteredKey(requestId, resource), true));
  }

  toPlain(): unknown {
    return [this.topics.toPlain(), this.configs.toPlain()];
  }

  /** The ids of all remembered deleted topics. */
  *deletedTopicIds(): Generator<Uuid> {
    for (const [key, { topicId }] of this.topics.entries()) if (key === topicId) yield topicId;
  }

  /** The records of a snapshot. Each of them replays to one entry. */
  *records(): Generator<RecordOf<'carriedOut' | 'alterConfigs'>> {
    for (const [key, { name, topicId }] of this.topics.entries()) {
      if (key === topicId) yield { type: 'carriedOut', name, topicId, byId: true };
      else {
        const [requestId, nameOrId] = splitKey(key);
        yield { type: 'carriedOut', name, topicId, requestId, byId: nameOrId === topicId };
      }
    }
    for (const [key] of this.configs.entries()) {
      const [requestId, resource] = splitKey(key);
      const at = resource.indexOf(' ');
      const resourceType = resource.slice(0, at) as RecordOf<'alterConfigs'>['resourceType'];
      yield { type: 'alterConfigs', resourceType, resourceName: resource.slice(at + 1), requestId };
    }
  }

  /** Adds the entry that a record of `records` holds. */
  withRecorded({ name, topicId, requestId, byId }: RecordOf<'carriedOut'>): CarriedOut {
    const nameOrId = byId ? topicId : name;
    return this.with(requestId === undefined ? topicId : keyOf(requestId, nameOrId), { name, topicId });
  }

  private with(key: string, topic: ChangedTopic): CarriedOut {
    return new CarriedOut(this.topics.with(key, topic), this.configs);
  }
}

function keyOf(requestId: Uuid, nameOrId: string): string {
  return `${requestId} ${nameOrId}`;
}

function alteredKey(requestId: Uuid, { resourceType, resourceName }: Resource): string {
  return keyOf(requestId, `${resourceType} ${resourceName}`);
}

function splitKey(key: string): [requestId: Uuid, nameOrId: string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at) as Uuid, key.slice(at + 1)];
}
