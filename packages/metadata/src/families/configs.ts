/**
 * The configs that were set on topics, brokers and groups: their part of the image, and the replay of their
 * records. topic-config-table.ts has the allowed values and the defaults of topic configs.
 */
import { assert } from '@millrace/base';
import { Map as ImmutableMap } from 'immutable';
import type { ReplayFunctions } from '../draft.ts';
import { MapDraft } from '../map-draft.ts';
import type { MetadataRecord, RecordOf } from '../records.ts';
import { type Changes, isSameData, union } from './changes.ts';

export type Configs = ReadonlyMap<string, string>;
type ConfigsByName = ImmutableMap<string, Configs>;

const NO_CONFIGS: Configs = new Map<string, string>();

export class ConfigsImage {
  static readonly EMPTY = new ConfigsImage(ImmutableMap(), ImmutableMap(), ImmutableMap());
  /** Topic name → configs that were set, if there are any. */
  readonly byTopic: ConfigsByName;
  /** Broker id as text, or '' for all brokers → configs that were set, if there are any. */
  readonly byBroker: ConfigsByName;
  /** Group id → configs that were set, if there are any. */
  readonly byGroup: ConfigsByName;

  constructor(byTopic: ConfigsByName, byBroker: ConfigsByName, byGroup: ConfigsByName) {
    this.byTopic = byTopic;
    this.byBroker = byBroker;
    this.byGroup = byGroup;
  }

  /** The configs set on the topic itself, without defaults. */
  topic(name: string): Configs {
    return this.byTopic.get(name) ?? NO_CONFIGS;
  }

  /** The dynamic configs of the broker with this id. '' stands for the default of all brokers. */
  broker(name: string): Configs {
    return this.byBroker.get(name) ?? NO_CONFIGS;
  }

  /** The configs set on the group itself, without defaults. */
  group(id: string): Configs {
    return this.byGroup.get(id) ?? NO_CONFIGS;
  }
}

export class ConfigsChanges implements Changes {
  /** Names of the topics whose configs changed. */
  readonly topics: Set<string>;
  /** Broker ids as text; '' stands for the default of all brokers. */
  readonly brokers: Set<string>;
  /** Ids of the groups whose configs changed. */
  readonly groups: Set<string>;

  constructor(
    topics: Set<string> = new Set(),
    brokers: Set<string> = new Set(),
    groups: Set<string> = new Set(),
  ) {
    this.topics = topics;
    this.brokers = brokers;
    this.groups = groups;
  }

  get isEmpty(): boolean {
    return this.topics.size === 0 && this.brokers.size === 0 && this.groups.size === 0;
  }

  merge(next: ConfigsChanges): ConfigsChanges {
    return new ConfigsChanges(
      union(this.topics, next.topics),
      union(this.brokers, next.brokers),
      union(this.groups, next.groups),
    );
  }

  static between(previous: ConfigsImage, next: ConfigsImage): ConfigsChanges {
    return new ConfigsChanges(
      differing(previous.byTopic, next.byTopic),
      differing(previous.byBroker, next.byBroker),
      differing(previous.byGroup, next.byGroup),
    );
  }
}

/** Names of the resources whose configs differ. */
function differing(previous: ConfigsByName, next: ConfigsByName): Set<string> {
  const names = union(new Set(previous.keys()), new Set(next.keys()));
  for (const name of names) {
    const [before, after] = [previous.get(name), next.get(name)];
    if (before !== undefined && after !== undefined && isSameData(sorted(before), sorted(after)))
      names.delete(name);
  }
  return names;
}

function sorted(configs: Configs): (readonly [name: string, value: string])[] {
  return [...configs].sort(([a], [b]) => (a < b ? -1 : 1));
}

export class ConfigsDraft {
  readonly changes = new ConfigsChanges();
  private readonly previous: ConfigsImage;
  private readonly byTopic: MapDraft<string, Configs>;
  private readonly byBroker: MapDraft<string, Configs>;
  private readonly byGroup: MapDraft<string, Configs>;

  constructor(previous: ConfigsImage) {
    this.previous = previous;
    this.byTopic = new MapDraft(previous.byTopic);
    this.byBroker = new MapDraft(previous.byBroker);
    this.byGroup = new MapDraft(previous.byGroup);
  }

  close(): ConfigsImage {
    return this.changes.isEmpty
      ? this.previous
      : new ConfigsImage(this.byTopic.close(), this.byBroker.close(), this.byGroup.close());
  }

  set({ resourceType, resourceName, name, value }: RecordOf<'config'>): void {
    const { all, changed } = this.ofType(resourceType);
    const configs = new Map(all.get(resourceName) ?? NO_CONFIGS);
    if (value === undefined) configs.delete(name);
    else configs.set(name, value);
    if (configs.size === 0) all.delete(resourceName);
    else all.set(resourceName, configs);
    changed.add(resourceName);
  }

  private ofType(type: RecordOf<'config'>['resourceType']) {
    const { changes } = this;
    if (type === 'topic') return { all: this.byTopic, changed: changes.topics };
    if (type === 'broker') return { all: this.byBroker, changed: changes.brokers };
    return { all: this.byGroup, changed: changes.groups };
  }

  /** Removes the configs of a removed topic. */
  topicRemoved(name: string): void {
    if (!this.byTopic.has(name)) return;
    this.byTopic.delete(name);
    this.changes.topics.add(name);
  }
}

export const replayConfigs: ReplayFunctions<'config' | 'alterConfigs'> = {
  config({ configs, topics }, record) {
    assert(
      record.resourceType !== 'topic' || topics.hasName(record.resourceName),
      'a configured topic exists',
    );
    configs.set(record);
  },
  alterConfigs: ({ topics }, record) => topics.configsAltered(record),
};

/** The records of a snapshot that replay to these configs, if the topics exist already. */
export function* recordsOfConfigs({ byTopic, byBroker, byGroup }: ConfigsImage): Generator<MetadataRecord> {
  const ofType = { topic: byTopic, broker: byBroker, group: byGroup };
  for (const resourceType of ['topic', 'broker', 'group'] as const)
    for (const resourceName of [...ofType[resourceType].keys()].sort())
      for (const [name, value] of sorted(ofType[resourceType].get(resourceName)!))
        yield { type: 'config', resourceType, resourceName, name, value };
}
