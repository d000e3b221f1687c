/**
 * Actions of operators during an incident: they create, delete and grow topics, alter configs, delete
 * records, and restart nodes cleanly, with the same or with other settings.
 */
import type { SimNode } from '../cluster/index.ts';
import { MILLISECOND, type Micros } from '../world/index.ts';
import {
  type FaultKind,
  fault,
  lasting,
  later,
  RECOVERY_US,
  type Strike,
  seconds,
  victim,
  victimOf,
} from './fault.ts';
import { DELETED_UP_TO } from './operator.ts';
import { chance, choice, chosen, oneOf, whole } from './parameter.ts';

const EXTRA_TOPICS_MAX = 4;

/** Settings that may differ from node to node, and from one process of a node to the next. */
const OTHER_SETTINGS = [
  'replica.fetch.response.max.bytes=30000',
  'replica.fetch.response.max.bytes=10485760',
  'replica.fetch.wait.max.ms=50',
  'replica.lag.time.max.ms=1500',
  'max.incremental.fetch.session.cache.slots=0',
  'max.incremental.fetch.session.cache.slots=2',
  'replica.high.watermark.checkpoint.interval.ms=200',
  'connections.max.idle.ms=2000',
  'controller.quorum.fetch.timeout.ms=500',
] as const;

const isStoppable = (node: SimNode) => node.isUp && !node.isStopping;

/** A request for a topic disturbs no machine. */
function ofTopic(name: string): Strike {
  return { says: name, touches: [], lastsUs: 0 };
}

/**
 * Each entry: the type of the resource, and the config with its new value. Without a value, the request
 * resets the config. `max.message.bytes=50000` refuses no batch of a producer, because every such batch is
 * smaller.
 */
const ALTERED = [
  'topic min.insync.replicas=1',
  'topic min.insync.replicas=2',
  'topic min.insync.replicas=',
  'broker min.insync.replicas=1',
  'broker min.insync.replicas=2',
  'topic max.message.bytes=50000',
  'topic max.message.bytes=',
] as const;

export const alterConfig = fault({
  name: 'alter-config',
  sentence:
    'an administrator alters min.insync.replicas of a topic or of all brokers, or max.message.bytes of a topic',
  parameters: { topic: choice(), setting: oneOf(...ALTERED) },
  strike({ operator }, { topic, setting }) {
    const [type, name, value] = setting.split(/[ =]/) as ['topic' | 'broker', string, string];
    const resourceName = type === 'topic' ? chosen(operator.allTopics(), topic) : '';
    if (resourceName === undefined) return undefined;
    operator.alterConfig({ type, name: resourceName }, name, value === '' ? undefined : value);
    return ofTopic(`${type} ${resourceName} ${name}=${value}`);
  },
});

const POLICIES = ['compact', 'compact,delete', 'delete'] as const;

const CLEANUP_SETTINGS = [
  'segment.ms=300',
  'segment.ms=2000',
  'retention.ms=1500',
  'retention.ms=6000',
  'retention.ms=604800000',
  'delete.retention.ms=0',
  'delete.retention.ms=2000',
  'delete.retention.ms=86400000',
  'min.compaction.lag.ms=0',
  'min.compaction.lag.ms=2000',
  'max.compaction.lag.ms=1000',
  'min.cleanable.dirty.ratio=0',
  'min.cleanable.dirty.ratio=0.8',
] as const;

/** The pause between two changes of one fault. */
const CLEANUP_PAUSE_US: Micros = 900 * MILLISECOND;

export const alterCleanup = fault({
  name: 'alter-cleanup',
  sentence:
    'an administrator alters cleanup.policy of a topic whose records have keys, and a setting of retention, compaction or segments, once or several times',
  parameters: {
    topic: choice(),
    policy: oneOf(...POLICIES),
    setting: oneOf(...CLEANUP_SETTINGS),
    times: whole(1, 5),
  },
  strike(context, { topic, policy, setting, times }) {
    const { operator } = context;
    const name = chosen(operator.keyedTopics(), topic);
    if (name === undefined) return undefined;
    const alter = (resource: string, key: string, value: string) =>
      operator.alterConfig({ type: 'topic', name: resource }, key, value);
    for (let step = 0; step < times; step++) {
      const nextPolicy = POLICIES[(POLICIES.indexOf(policy) + step) % POLICIES.length]!;
      // 5 and the number of settings have no common divisor, so the steps alter different settings.
      const at = (CLEANUP_SETTINGS.indexOf(setting) + 5 * step) % CLEANUP_SETTINGS.length;
      const [key, value] = CLEANUP_SETTINGS[at]!.split('=') as [string, string];
      const change = () => {
        if (!operator.keyedTopics().includes(name)) return;
        alter(name, 'cleanup.policy', nextPolicy);
        alter(name, key, value);
      };
      if (step === 0) change();
      else later(context, step * CLEANUP_PAUSE_US, change);
    }
    return ofTopic(`${name} cleanup.policy=${policy}, ${setting}${times === 1 ? '' : `, ${times} times`}`);
  },
});

/** The pause between two deletions of one fault. */
const DELETION_PAUSE_US: Micros = 700 * MILLISECOND;

export const deleteRecords = fault({
  name: 'delete-records',
  sentence: 'an administrator deletes records of a partition, once or several times',
  parameters: {
    topic: choice(),
    partition: choice(),
    upTo: oneOf(...DELETED_UP_TO, 'part', 'part'),
    hundredths: whole(0, 100),
    times: whole(1, 4),
  },
  strike(context, { topic, partition, upTo, hundredths, times }) {
    const { operator } = context;
    const name = chosen(operator.allTopics(), topic);
    if (name === undefined) return undefined;
    const ask = () =>
      operator.allTopics().includes(name)
        ? operator.deleteRecords(name, partition, { upTo, hundredths })
        : undefined;
    const first = ask();
    if (first === undefined) return undefined;
    for (let again = 1; again < times; again++) later(context, again * DELETION_PAUSE_US, ask);
    return ofTopic(times === 1 ? first : `${first}, ${times} times`);
  },
});

export const operatorFaults: readonly FaultKind[] = [
  fault({
    name: 'create-topic',
    sentence: 'an administrator creates a topic',
    parameters: { partitions: whole(1, 2), replicas: whole(1, 3), unclean: chance(2) },
    strike({ operator, cluster }, { partitions, replicas, unclean }) {
      if (operator.extraTopics().length >= EXTRA_TOPICS_MAX) return undefined;
      const replicationFactor = Math.min(replicas, cluster.brokers.length);
      return ofTopic(operator.createTopic({ partitions, replicationFactor, unclean }));
    },
  }),
  fault({
    name: 'delete-topic',
    sentence: 'an administrator deletes a topic',
    parameters: { topic: choice() },
    strike({ operator }, { topic }) {
      const name = chosen(operator.extraTopics(), topic);
      if (name === undefined) return undefined;
      operator.deleteTopic(name);
      return ofTopic(name);
    },
  }),
  fault({
    name: 'grow-topic',
    sentence: 'an administrator adds a partition to a topic',
    parameters: { topic: choice() },
    strike({ operator }, { topic }) {
      const name = chosen(operator.allTopics(), topic);
      if (name === undefined) return undefined;
      operator.growTopic(name);
      return ofTopic(name);
    },
  }),
  fault({
    name: 'restart',
    sentence: 'a node is stopped cleanly and started again',
    parameters: { victim: victim() },
    strike(context, { victim }) {
      const node = victimOf(context, victim, isStoppable);
      if (node === undefined) return undefined;
      node.stop();
      return { says: node.name, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'restart-with-settings',
    sentence: 'a node is stopped cleanly and started again with another setting',
    parameters: { victim: victim(), setting: oneOf(...OTHER_SETTINGS) },
    strike(context, { victim, setting }) {
      const node = victimOf(context, victim, isStoppable);
      if (node === undefined) return undefined;
      const [key, value] = setting.split('=') as [string, string];
      node.set({ [key]: value });
      node.stop();
      return { says: `${node.name}, ${setting}`, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'rolling-restart',
    sentence: 'all brokers are stopped cleanly and started again, one after the other',
    parameters: { pauseMs: whole(200, 1_700) },
    strike(context, { pauseMs }) {
      const { brokers } = context.cluster;
      brokers.forEach((node, index) => {
        later(context, index * pauseMs * MILLISECOND, () => {
          if (isStoppable(node)) node.stop();
        });
      });
      const lastsUs = lasting(context, brokers.length * pauseMs);
      return { says: `one each ${pauseMs} ms, for ${seconds(lastsUs)}`, touches: brokers, lastsUs };
    },
  }),
];
