/**
 * Actions of operators at the worst time: create and delete topics, restart nodes cleanly or with other
 * settings.
 */
import { MILLISECOND } from '../world/index.ts';
import { type FaultKind, later, pick, victim } from './fault.ts';

const EXTRA_TOPICS_MAX = 4;

/** Settings that may differ from node to node, and from one life to the next. */
const OTHER_SETTINGS: readonly Readonly<Record<string, string>>[] = [
  { 'replica.fetch.response.max.bytes': '30000' },
  { 'replica.fetch.response.max.bytes': '10485760' },
  { 'replica.fetch.wait.max.ms': '50' },
  { 'replica.lag.time.max.ms': '1500' },
  { 'max.incremental.fetch.session.cache.slots': '0' },
  { 'max.incremental.fetch.session.cache.slots': '2' },
  { 'replica.high.watermark.checkpoint.interval.ms': '200' },
  { 'connections.max.idle.ms': '2000' },
  { 'controller.quorum.fetch.timeout.ms': '500' },
];

export const operatorFaults: readonly FaultKind[] = [
  {
    name: 'create-topic',
    sentence: 'an administrator creates a topic',
    strike({ operator, cluster }, random) {
      if (operator.extraTopics().length >= EXTRA_TOPICS_MAX) return undefined;
      return operator.createTopic(1 + random.below(2), 1 + random.below(cluster.brokers.length));
    },
  },
  {
    name: 'delete-topic',
    sentence: 'an administrator deletes a topic',
    strike({ operator }, random) {
      const name = pick(random, operator.extraTopics());
      if (name !== undefined) operator.deleteTopic(name);
      return name;
    },
  },
  {
    name: 'grow-topic',
    sentence: 'an administrator adds a partition to a topic',
    strike({ operator }, random) {
      const name = pick(random, operator.allTopics());
      if (name !== undefined) operator.growTopic(name);
      return name;
    },
  },
  {
    name: 'restart',
    sentence: 'a node is stopped cleanly and started again',
    strike(context, random) {
      const node = victim(context, random, (one) => one.isUp && !one.isStopping);
      node?.stop();
      return node?.name;
    },
  },
  {
    name: 'restart-with-settings',
    sentence: 'a node is stopped cleanly and started again with another setting',
    strike(context, random) {
      const node = victim(context, random, (one) => one.isUp && !one.isStopping);
      const settings = pick(random, OTHER_SETTINGS)!;
      if (node === undefined) return undefined;
      node.set(settings);
      node.stop();
      const [[key, value]] = Object.entries(settings) as [[string, string]];
      return `${node.name}, ${key}=${value}`;
    },
  },
  {
    name: 'rolling-restart',
    sentence: 'all brokers are stopped cleanly and started again, one after the other',
    strike(context, random) {
      const pauseMs = 200 + random.below(1_500);
      context.cluster.brokers.forEach((node, index) => {
        later(context, index * pauseMs * MILLISECOND, () => {
          if (node.isUp && !node.isStopping) node.stop();
        });
      });
      return `one each ${pauseMs} ms`;
    },
  },
];
