/**
 * An administrator that creates, deletes and grows topics, alters configs, and deletes records. It asks
 * brokers until one gives a final answer. It gives up after a hundred requests, or, when it deletes records,
 * after `DELETE_RECORDS_MS`. It writes the outcome to the history.
 */
import type { Millis, NodeId, Uuid } from '@millrace/base';
import type { Outcome, TopicRef } from '@millrace/checkers';
import {
  type AdminDone,
  Admin as ClientAdmin,
  type ClusterView,
  type ConfigResource,
  type DeletionWanted,
  deleteRecords,
  type NewTopic,
} from '@millrace/client';
import { apis, ErrorCode, errorName } from '@millrace/protocol';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError, topicAnswered } from './env.ts';

export type { NewTopic } from '@millrace/client';

/**
 * Timeout of the first attempt to grow a topic. The controller may still make the change after this time. So
 * a later attempt must recognise that the change is made.
 */
const IMPATIENT_MS = 10;
/** The time for a deletion of records, with all retries. */
const DELETE_RECORDS_MS = 8_000;
const OUT_OF_RANGE = errorName(ErrorCode.OFFSET_OUT_OF_RANGE);
/** The first version of DeleteTopics with topic ids. */
const DELETE_WITH_ID_VERSION = 6;
const VERSIONS: ReadonlyMap<number, number> = new Map([
  [apis.createTopics.key, 7],
  [apis.deleteTopics.key, 5],
  [apis.createPartitions.key, 3],
]);

type Done = (outcome: Outcome, error: string | undefined) => void;

export class Admin {
  private readonly env: ClientEnv;
  private readonly metadata: ClusterView;
  private readonly admin: ClientAdmin;
  /** Deletes topics by their ids. */
  private readonly adminWithIds: ClientAdmin;
  private open = 0;
  /**
   * The topics whose records are being deleted. A topic is in the list once for each of its open deletions.
   */
  private readonly deleting: string[] = [];

  constructor(env: ClientEnv, timeoutMs: Millis) {
    this.env = env;
    this.metadata = clusterViewOf(env, { timeoutMs, wanted: () => this.deleting, changed: () => {} });
    const options = {
      clock: env.life.clock,
      cluster: this.metadata,
      timeoutMs,
      answered: (code: number) => countError(env, code),
    };
    this.admin = new ClientAdmin({ ...options, versions: VERSIONS });
    const withIds = new Map([...VERSIONS, [apis.deleteTopics.key, DELETE_WITH_ID_VERSION]]);
    this.adminWithIds = new ClientAdmin({ ...options, versions: withIds });
  }

  start(): void {
    this.metadata.start();
  }

  get isIdle(): boolean {
    return this.open === 0;
  }

  createTopic(topic: NewTopic, done: Done = () => {}): void {
    const ref = { topic: topic.name, topicId: undefined };
    this.run('CreateTopics', ref, done, (ended) => this.admin.createTopic(topic, ended));
  }

  deleteTopic(name: string, done: Done = () => {}): void {
    const ref = { topic: name, topicId: undefined };
    this.run('DeleteTopics', ref, done, (ended) => this.admin.deleteTopic(name, ended));
  }

  deleteTopicWithId(topic: string, topicId: Uuid, done: Done = () => {}): void {
    this.run('DeleteTopics', { topic, topicId }, done, (ended) =>
      this.adminWithIds.deleteTopicWithId(topicId, ended),
    );
  }

  growTopic(name: string, count: number, done: Done = () => {}): void {
    const ref = { topic: name, topicId: undefined };
    this.run('CreatePartitions', ref, done, (ended) =>
      this.admin.createPartitions(name, count, ended, IMPATIENT_MS),
    );
  }

  /** If `value` is undefined, the resource no longer sets the config. */
  alterConfig(resource: ConfigResource, name: string, value: string | undefined): void {
    const ref = { topic: resource.name, topicId: undefined };
    const done = () => {};
    this.run('IncrementalAlterConfigs', ref, done, (ended) =>
      this.admin.alterConfigs(resource, [{ name, value }], ended),
    );
  }

  /** Deletes the records below `offset`; -1: below the high watermark. */
  deleteRecords(wanted: DeletionWanted): void {
    const { env, metadata } = this;
    const { topic, partition, offset } = wanted;
    const invokedUs = env.world.nowUs;
    const place = { client: env.name, topic, partition, offset, invokedUs };
    this.open++;
    this.deleting.push(topic);
    env.history.deletionAsked(place);
    let attempts = 0;
    const cluster = {
      partition: metadata.partition.bind(metadata),
      refresh: metadata.refresh.bind(metadata),
      connectionTo: (id: NodeId) => {
        attempts++;
        return metadata.connectionTo(id);
      },
    };
    env.life.arrives(0, () => {
      metadata.refresh();
      deleteRecords({
        clock: env.life.clock,
        cluster,
        timeoutMs: DELETE_RECORDS_MS,
        wanted: [wanted],
        done: ([deleted], failed) => {
          this.open--;
          this.deleting.splice(this.deleting.indexOf(topic), 1);
          const [error] = failed.values();
          if (deleted !== undefined) env.world.count('deletion of records acknowledged');
          // After the first attempt a refusal is not final: an earlier attempt may still delete the records.
          const isRefused = error === OUT_OF_RANGE && attempts === 1;
          env.history.add({
            type: 'delete-records',
            ...place,
            topicId: topicAnswered(env, topic, DELETE_RECORDS_MS),
            endedUs: env.world.nowUs,
            outcome: deleted !== undefined ? 'ok' : isRefused ? 'fail' : 'info',
            error: deleted === undefined ? error : undefined,
            lowWatermark: deleted?.lowWatermark,
          });
        },
      });
    });
  }

  /** Begins the request in a turn of its own, and writes its outcome to the history. */
  private run(api: string, ref: TopicRef, done: Done, begin: (ended: AdminDone) => void): void {
    const { env } = this;
    const invokedUs = env.world.nowUs;
    this.open++;
    const ended: AdminDone = (result, error) => {
      this.open--;
      const outcome = result === 'unknown' ? 'info' : result;
      const endedUs = env.world.nowUs;
      env.history.add({ type: 'admin', client: env.name, api, ...ref, invokedUs, endedUs, outcome, error });
      done(outcome, error);
    };
    env.life.arrives(0, () => begin(ended));
  }
}
