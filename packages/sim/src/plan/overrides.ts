/**
 * The values of a scenario that a plan may set, with their allowed ranges. An override of `cluster`,
 * `network` or `cluster.settings` replaces only the values that it names. An override of any other field
 * replaces the whole field.
 */
import { Prng } from '@millrace/base';
import type { ClusterPlan } from '../cluster/index.ts';
import { chance, type Domain, type Json, whole } from '../faults/index.ts';
import type { NetworkOptions } from '../net/index.ts';
import type { Overrides, Plan } from './plan.ts';
import { drawScenario, type Scenario, type TopicPlan } from './scenario.ts';

const yes = chance(2);
const MICROS_MAX = 10_000_000;
const MILLIS_MAX = 600_000;

type Texts = Readonly<Record<string, string>>;

const texts: Domain<Texts> = {
  allows: 'an object of strings',
  isAllowed: isTexts,
  less: () => [],
};

/** The settings of single nodes, by node id. */
const nodeSettings: Domain<Readonly<Record<string, Texts>>> = {
  allows: 'an object of objects of strings',
  isAllowed: (value): value is Readonly<Record<string, Texts>> =>
    isObject(value) && Object.values(value).every(isTexts),
  less: (all) => (Object.keys(all).length === 0 ? [] : [{}]),
};

const topics: Domain<readonly TopicPlan[]> = {
  allows:
    'a list of {"name": string, "partitions": 1 to 100, "replicationFactor": 1 to 9, "configs": {string: string}}',
  isAllowed: (value): value is readonly TopicPlan[] =>
    Array.isArray(value) && value.length > 0 && value.every(isTopic),
  less: (list) => [
    ...(list.length > 1 ? [list.slice(0, 1), list.slice(1)] : []),
    ...(list.some(({ partitions }) => partitions > 1)
      ? [list.map((topic) => ({ ...topic, partitions: 1 }))]
      : []),
  ],
};

/** Shrinking tries only odd numbers of controllers. */
const controllers: Domain<number> = {
  ...whole(1, 9),
  less: (count) => [1, 3].filter((less) => less < count),
};

type Section = Readonly<Record<string, Domain>>;

/** The allowed values of each field of a scenario. `cluster` and `network` have fields of their own. */
export const scenarioDomains: Readonly<Record<keyof Scenario, Domain | Section>> = {
  cluster: {
    controllers,
    brokers: whole(1, 9),
    combined: yes,
    settings: texts,
    nodeSettings,
    quorumFetchMaxBytes: { ...whole(1, 1 << 30), less: () => [] },
    loopWorkMax: { ...whole(0, 1_000_000_000), less: () => [] },
  } satisfies Readonly<Record<keyof ClusterPlan, Domain>>,
  network: {
    delayUs: whole(0, MICROS_MAX),
    jitterUs: whole(0, MICROS_MAX),
    bytesPerSecond: { ...whole(1_000, 1_000_000_000), less: () => [] },
    splitPerMille: whole(0, 1_000),
    connectTimeoutMs: { ...whole(1, MILLIS_MAX), less: () => [] },
    keepAliveMs: { ...whole(1, MILLIS_MAX), less: () => [] },
    lingerPerMille: whole(0, 1_000),
  } satisfies Readonly<Record<keyof NetworkOptions, Domain>>,
  clockSkewMs: whole(0, 12 * 3_600_000),
  clockDriftPpm: whole(0, 10_000),
  topics,
  everythingIsSynced: yes,
  producers: whole(0, 20),
  consumers: whole(0, 20),
  autoTopics: whole(0, 20),
  committers: whole(0, 20),
  classicMembers: whole(0, 20),
  consumerMembers: whole(0, 20),
  mixedMembers: whole(0, 20),
  // Shrinking keeps `paceMs`, because with a smaller value the clients would do more.
  paceMs: { ...whole(1, MILLIS_MAX), less: () => [] },
  faultsFromTheStart: yes,
  prober: yes,
  proberPaceMs: { ...whole(1, MILLIS_MAX), less: () => [] },
};

export function isDomain(one: Domain | Section): one is Domain {
  return typeof one['isAllowed'] === 'function';
}

/** The scenario of the plan's seed with the plan's overrides. */
export function scenarioOf({ seed, overrides }: Pick<Plan, 'seed' | 'overrides'>): Scenario {
  const drawn = drawScenario(new Prng(seed).fork('scenario'));
  const { cluster, network, ...others } = overrides as Partial<Scenario>;
  const { everythingIsSynced } = { ...drawn, ...others };
  const settings = {
    ...drawn.cluster.settings,
    // Topics that brokers create, such as the topic of the committed offsets, take this setting.
    ...(everythingIsSynced ? { 'log.flush.interval.messages': '1' } : {}),
    ...cluster?.settings,
  };
  const scenario = {
    ...drawn,
    ...others,
    cluster: { ...drawn.cluster, ...cluster, settings },
    network: { ...drawn.network, ...network },
  };
  return { ...scenario, topics: scenario.topics.map((topic) => fitting(topic, scenario)) };
}

/**
 * Limits the replication factor of a topic to the number of brokers, and min.insync.replicas to the
 * replication factor. Sets flush.messages=1 if the scenario's `everythingIsSynced` is true.
 */
function fitting(topic: TopicPlan, { cluster, everythingIsSynced }: Scenario): TopicPlan {
  const replicationFactor = Math.min(topic.replicationFactor, cluster.brokers);
  const { 'min.insync.replicas': wanted, ...others } = topic.configs;
  const minIsr = String(Math.min(Number(wanted), replicationFactor));
  const configs = wanted === undefined ? others : { ...others, 'min.insync.replicas': minIsr };
  const synced = everythingIsSynced ? { 'flush.messages': '1' } : {};
  return { ...topic, replicationFactor, configs: { ...configs, ...synced } };
}

/** Plans whose overrides make one value of the scenario smaller. */
export function* withLesserScenario(plan: Plan): Generator<Plan, void> {
  for (const overrides of lesserOverrides(plan)) yield { ...plan, overrides };
}

function* lesserOverrides(plan: Plan): Generator<Overrides, void> {
  const { overrides } = plan;
  const scenario = scenarioOf(plan);
  for (const [name, one] of Object.entries(scenarioDomains)) {
    const value = scenario[name as keyof Scenario] as Json;
    if (isDomain(one)) for (const less of one.less(value)) yield { ...overrides, [name]: less };
    else
      for (const [field, domain] of Object.entries(one)) {
        const old = (value as Readonly<Record<string, Json>>)[field];
        if (old === undefined) continue;
        for (const less of domain.less(old))
          yield { ...overrides, [name]: { ...(overrides[name] as object), [field]: less } };
      }
  }
}

function isTexts(value: unknown): value is Texts {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function isTopic(value: unknown): value is TopicPlan {
  if (!isObject(value)) return false;
  const { name, partitions, replicationFactor, configs, ...rest } = value;
  return (
    typeof name === 'string' &&
    /^[\w.-]{1,100}$/.test(name) &&
    whole(1, 100).isAllowed(partitions) &&
    whole(1, 9).isAllowed(replicationFactor) &&
    isTexts(configs) &&
    Object.keys(rest).length === 0
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
