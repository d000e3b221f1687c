/**
 * An administrator: creates, deletes and grows topics, and asks brokers until one answers. It writes the
 * outcome to the history.
 */
import type { Millis } from '@millrace/base';
import type { Outcome } from '@millrace/checkers';
import type { BrokerConnection, ClusterView } from '@millrace/client';
import { apis, ErrorCode, errorName, isRetriable } from '@millrace/protocol';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** Undefined: the connection broke, so the outcome is unknown. */
type Answered = (code: number | undefined) => void;
type Ask = (connection: BrokerConnection, answered: Answered) => void;

/**
 * Timeout of a first try. The controller may still make the change after it, so the administrator must handle
 * a late outcome.
 */
const IMPATIENT_MS = 10;
const RETRY_MS = 200;
const TRIES_MAX = 100;

export class Admin {
  private readonly env: ClientEnv;
  private readonly metadata: ClusterView;
  private readonly timeoutMs: Millis;
  private open = 0;

  constructor(env: ClientEnv, timeoutMs: Millis) {
    this.env = env;
    this.timeoutMs = timeoutMs;
    this.metadata = clusterViewOf(env, { timeoutMs, wanted: () => [], changed: () => {} });
  }

  start(): void {
    this.metadata.start();
  }

  get isIdle(): boolean {
    return this.open === 0;
  }

  createTopic(topic: NewTopic, done: (outcome: Outcome) => void = () => {}): void {
    const { name, partitions, replicationFactor, configs } = topic;
    const wanted = {
      name,
      numPartitions: partitions,
      replicationFactor,
      assignments: [],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    };
    const request = { topics: [wanted], timeoutMs: this.timeoutMs, validateOnly: false };
    this.persist('CreateTopics', name, ErrorCode.TOPIC_ALREADY_EXISTS, done, (connection, answered) =>
      connection.request(apis.createTopics, 7, request, (response) =>
        answered(response?.topics[0]?.errorCode),
      ),
    );
  }

  deleteTopic(name: string, done: (outcome: Outcome) => void = () => {}): void {
    const request = { topicNames: [name], topics: [], timeoutMs: this.timeoutMs };
    this.persist('DeleteTopics', name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, done, (connection, answered) =>
      connection.request(apis.deleteTopics, 5, request, (response) =>
        answered(response?.responses[0]?.errorCode),
      ),
    );
  }

  growTopic(name: string, count: number, done: (outcome: Outcome) => void = () => {}): void {
    const topics = [{ name, count, assignments: null }];
    let timeoutMs = IMPATIENT_MS;
    this.persist('CreatePartitions', name, ErrorCode.INVALID_PARTITIONS, done, (connection, answered) => {
      const request = { topics, timeoutMs, validateOnly: false };
      timeoutMs = this.timeoutMs;
      connection.request(apis.createPartitions, 3, request, (response) =>
        answered(response?.results[0]?.errorCode),
      );
    });
  }

  /**
   * Repeats the request until it succeeds. `doneBefore`: after an unanswered attempt, this answer means that
   * the attempt succeeded.
   */
  private persist(
    api: string,
    topic: string,
    doneBefore: number,
    done: (outcome: Outcome) => void,
    ask: Ask,
  ): void {
    const { env } = this;
    const invokedUs = env.world.nowUs;
    let tries = 0;
    let isUnknown = false;
    this.open++;
    const finish = (outcome: Outcome, error: string | undefined) => {
      this.open--;
      env.history.add({
        type: 'admin',
        client: env.name,
        api,
        topic,
        invokedUs,
        endedUs: env.world.nowUs,
        outcome,
        error,
      });
      done(outcome);
    };
    const again = () => {
      if (tries >= TRIES_MAX) finish(isUnknown ? 'info' : 'fail', 'too many tries');
      else env.life.clock.setTimer(RETRY_MS, attempt);
    };
    const attempt = () => {
      const connection = this.metadata.anyConnection();
      tries++;
      if (connection === undefined) {
        again();
        return;
      }
      ask(connection, (code) => {
        countError(env, code ?? 0);
        if (code === 0) finish('ok', undefined);
        else if (code === undefined || code === ErrorCode.REQUEST_TIMED_OUT) {
          isUnknown = true;
          again();
        } else if (code === doneBefore && isUnknown) finish('ok', undefined);
        else if (code === ErrorCode.NOT_CONTROLLER || isRetriable(code)) again();
        else finish(isUnknown ? 'info' : 'fail', errorName(code));
      });
    };
    env.life.arrives(0, attempt);
  }
}
