/**
 * An administrator: creates, deletes and grows topics, and asks brokers until one answers. It writes the
 * outcome to the history.
 */
import type { Millis } from '@millrace/base';
import type { Outcome } from '@millrace/checkers';
import { type AdminDone, Admin as ClientAdmin, type ClusterView, type NewTopic } from '@millrace/client';
import { apis } from '@millrace/protocol';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';

export type { NewTopic } from '@millrace/client';

/**
 * Timeout of the first attempt to grow a topic. The controller may still make the change afterwards, so a
 * later attempt must recognise that the change is made.
 */
const IMPATIENT_MS = 10;
const VERSIONS: ReadonlyMap<number, number> = new Map([
  [apis.createTopics.key, 7],
  [apis.deleteTopics.key, 5],
  [apis.createPartitions.key, 3],
]);

type Done = (outcome: Outcome) => void;

export class Admin {
  private readonly env: ClientEnv;
  private readonly metadata: ClusterView;
  private readonly admin: ClientAdmin;
  private open = 0;

  constructor(env: ClientEnv, timeoutMs: Millis) {
    this.env = env;
    this.metadata = clusterViewOf(env, { timeoutMs, wanted: () => [], changed: () => {} });
    this.admin = new ClientAdmin({
      clock: env.life.clock,
      cluster: this.metadata,
      timeoutMs,
      versions: VERSIONS,
      answered: (code) => countError(env, code),
    });
  }

  start(): void {
    this.metadata.start();
  }

  get isIdle(): boolean {
    return this.open === 0;
  }

  createTopic(topic: NewTopic, done: Done = () => {}): void {
    this.run('CreateTopics', topic.name, done, (ended) => this.admin.createTopic(topic, ended));
  }

  deleteTopic(name: string, done: Done = () => {}): void {
    this.run('DeleteTopics', name, done, (ended) => this.admin.deleteTopic(name, ended));
  }

  growTopic(name: string, count: number, done: Done = () => {}): void {
    this.run('CreatePartitions', name, done, (ended) =>
      this.admin.createPartitions(name, count, ended, IMPATIENT_MS),
    );
  }

  /** Starts in a turn of its own, and writes the end to the history. */
  private run(api: string, topic: string, done: Done, begin: (ended: AdminDone) => void): void {
    const { env } = this;
    const invokedUs = env.world.nowUs;
    this.open++;
    const ended: AdminDone = (result, error) => {
      this.open--;
      const outcome = result === 'unknown' ? 'info' : result;
      const endedUs = env.world.nowUs;
      env.history.add({ type: 'admin', client: env.name, api, topic, invokedUs, endedUs, outcome, error });
      done(outcome);
    };
    env.life.arrives(0, () => begin(ended));
  }
}
