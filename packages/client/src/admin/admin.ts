/**
 * Changes and describes topics and configs. Each call asks brokers until one gives a final answer, or the
 * attempts run out. If the answer to an attempt was lost, the answer to a retry may say that the change is
 * already made, for example TOPIC_ALREADY_EXISTS. The call has then succeeded.
 */
import type { Clock, Millis, Uuid } from '@millrace/base';
import {
  type AnyApi,
  type Api,
  apis,
  type CreateTopicsResponse,
  type DeleteTopicsResponse,
  ErrorCode,
  errorName,
  isRetriable,
} from '@millrace/protocol';
import type { ClusterView } from '../cluster/cluster-view.ts';
import type { BrokerConnection } from '../connection/broker-connection.ts';
import type { VersionedApi } from '../connection/versions.ts';
import {
  alterConfigsRequest,
  type ConfigChange,
  type ConfigResource,
  configEntriesIn,
  type DescribedConfigEntry,
  describeConfigsRequest,
} from './config-requests.ts';
import { type TopicDescription, topicsIn } from './describe.ts';
import {
  createPartitionsRequest,
  createTopicRequest,
  deleteTopicRequest,
  deleteTopicWithIdRequest,
  describeTopicsRequest,
  type NewTopic,
} from './requests.ts';

/** `ok`: the change is made; `fail`: it is not; `unknown`: one of the attempts may have made it. */
export type AdminOutcome = 'ok' | 'fail' | 'unknown';
/**
 * `error`: undefined with `ok`; 'too many tries' if the attempts ran out; otherwise Kafka's name of the final
 * error. UNSUPPORTED_VERSION may also mean that the broker has no version that this client can send.
 */
export type AdminDone = (outcome: AdminOutcome, error: string | undefined) => void;

/** `found` undefined: the call has failed, and `error` says why, as in AdminDone. */
export type Described<T> = (found: T | undefined, error: string | undefined) => void;

export interface AdminOptions {
  readonly clock: Clock;
  readonly cluster: Pick<ClusterView, 'anyConnection'>;
  /**
   * How long the controller may take for a change. Every request that changes something carries this timeout.
   */
  readonly timeoutMs: Millis;
  /** The wait between two attempts. Default 200. */
  readonly retryMs?: Millis;
  /** A call gives up after this many attempts. Default 100. */
  readonly attemptsMax?: number;
  /** The version of a request, by API key. Default: the newest that both sides have. */
  readonly versions?: ReadonlyMap<AnyApi['key'], number>;
  /** Called with the error code of each answer, before the admin client judges it. */
  readonly answered?: (code: number) => void;
}

/** Sends one attempt. `answered` gets the error code of the answer; undefined: there was no answer. */
type Attempt = (
  connection: BrokerConnection,
  version: number,
  answered: (code: number | undefined) => void,
) => void;

const RETRY_MS = 200;
const ATTEMPTS_MAX = 100;

export class Admin {
  private readonly options: AdminOptions;

  constructor(options: AdminOptions) {
    this.options = options;
  }

  createTopic(topic: NewTopic, done: AdminDone): void {
    const request = createTopicRequest(topic, this.options.timeoutMs);
    const codeOf = ({ topics }: CreateTopicsResponse) => topics[0]?.errorCode;
    this.change(apis.createTopics, request, codeOf, ErrorCode.TOPIC_ALREADY_EXISTS, done);
  }

  deleteTopic(name: string, done: AdminDone): void {
    const request = deleteTopicRequest(name, this.options.timeoutMs);
    this.change(apis.deleteTopics, request, firstDeletion, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, done);
  }

  /** Deletes the topic with this id, and never another topic that got its name meanwhile (KIP-516). */
  deleteTopicWithId(topicId: Uuid, done: AdminDone): void {
    const request = deleteTopicWithIdRequest(topicId, this.options.timeoutMs);
    this.change(apis.deleteTopics, request, firstDeletion, ErrorCode.UNKNOWN_TOPIC_ID, done);
  }

  /**
   * Gives the topic `count` partitions in all. `firstTimeoutMs`: the timeout that the first attempt carries.
   */
  createPartitions(
    name: string,
    count: number,
    done: AdminDone,
    firstTimeoutMs: Millis = this.options.timeoutMs,
  ): void {
    const { createPartitions } = apis;
    let timeoutMs = firstTimeoutMs;
    this.persist(createPartitions, ErrorCode.INVALID_PARTITIONS, done, (connection, version, answered) => {
      const request = createPartitionsRequest(name, count, timeoutMs);
      const coveringMs = connection.timeoutCovering(timeoutMs);
      timeoutMs = this.options.timeoutMs;
      connection.request(
        createPartitions,
        version,
        request,
        (response) => answered(response?.results[0]?.errorCode),
        coveringMs,
      );
    });
  }

  /**
   * Describes these topics; `names` null: every topic. The description of a topic also has the topic's own
   * error.
   */
  describeTopics(names: readonly string[] | null, done: Described<readonly TopicDescription[]>): void {
    const request = describeTopicsRequest(names);
    let topics: readonly TopicDescription[] | undefined;
    this.persist(
      apis.metadata,
      undefined,
      (_outcome, error) => done(topics, error),
      (connection, version, answered) =>
        connection.request(apis.metadata, version, request, (response) => {
          if (response !== undefined) topics = topicsIn(response);
          answered(response === undefined ? undefined : ErrorCode.NONE);
        }),
    );
  }

  /**
   * Returns all configs of the resource, sorted by name. Only a broker itself describes its own configs, and
   * this request may go to any broker.
   */
  describeConfigs(resource: ConfigResource, done: Described<readonly DescribedConfigEntry[]>): void {
    const { describeConfigs } = apis;
    const request = describeConfigsRequest(resource);
    let configs: readonly DescribedConfigEntry[] | undefined;
    this.persist(
      describeConfigs,
      undefined,
      (_outcome, error) => done(configs, error),
      (connection, version, answered) =>
        connection.request(describeConfigs, version, request, (response) => {
          const errorCode = response?.results[0]?.errorCode;
          if (response !== undefined && errorCode === ErrorCode.NONE)
            configs = configEntriesIn(response, resource);
          answered(errorCode);
        }),
    );
  }

  /**
   * Changes all of these configs of the resource, or none. The resource is a topic, a group or all brokers,
   * because only a broker itself alters its own configs, and this request may go to any broker.
   */
  alterConfigs(resource: ConfigResource, changes: readonly ConfigChange[], done: AdminDone): void {
    const { incrementalAlterConfigs } = apis;
    const request = alterConfigsRequest(resource, changes);
    this.persist(incrementalAlterConfigs, undefined, done, (connection, version, answered) =>
      connection.request(incrementalAlterConfigs, version, request, (response) =>
        answered(response?.responses[0]?.errorCode),
      ),
    );
  }

  /** Sends a request for which the controller may take `timeoutMs`. `codeOf`: the error code of an answer. */
  private change<Request, Response, RequestInput, ResponseInput>(
    api: Api<Request, Response, RequestInput, ResponseInput>,
    request: RequestInput,
    codeOf: (response: Response) => number | undefined,
    doneBefore: ErrorCode,
    done: AdminDone,
  ): void {
    this.persist(api, doneBefore, done, (connection, version, answered) =>
      connection.request(
        api,
        version,
        request,
        (response) => answered(response === undefined ? undefined : codeOf(response)),
        connection.timeoutCovering(this.options.timeoutMs),
      ),
    );
  }

  /**
   * Repeats an attempt until an answer is final, or the attempts run out. `doneBefore`: this code counts as
   * success after an attempt whose outcome is unknown. Undefined: there is no such code.
   */
  private persist(
    api: VersionedApi,
    doneBefore: ErrorCode | undefined,
    done: AdminDone,
    send: Attempt,
  ): void {
    const { clock, cluster, versions, answered, retryMs = RETRY_MS } = this.options;
    const { attemptsMax = ATTEMPTS_MAX } = this.options;
    let attempts = 0;
    let isUnknown = false;
    const again = () => {
      if (attempts >= attemptsMax) done(isUnknown ? 'unknown' : 'fail', 'too many tries');
      else clock.setTimer(retryMs, attempt);
    };
    const judge = (code: number | undefined) => {
      if (code !== undefined) answered?.(code);
      if (code === ErrorCode.NONE) done('ok', undefined);
      else if (code === undefined || code === ErrorCode.REQUEST_TIMED_OUT) {
        isUnknown = true;
        again();
      } else if (code === doneBefore && isUnknown) done('ok', undefined);
      else if (isRetriable(code)) again();
      else done(isUnknown ? 'unknown' : 'fail', errorName(code));
    };
    const attempt = () => {
      const connection = cluster.anyConnection();
      attempts++;
      const version = versions?.get(api.key) ?? connection?.versions?.newest(api);
      if (connection === undefined) again();
      else if (version === undefined) done(isUnknown ? 'unknown' : 'fail', 'UNSUPPORTED_VERSION');
      else send(connection, version, judge);
    };
    attempt();
  }
}

function firstDeletion({ responses }: DeleteTopicsResponse): number | undefined {
  return responses[0]?.errorCode;
}
