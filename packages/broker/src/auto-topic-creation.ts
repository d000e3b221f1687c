/**
 * Creates topics that clients ask for by name and that do not exist, with the controller's defaults.
 * Meanwhile the client gets UNKNOWN_TOPIC_OR_PARTITION and retries. At most one request at a time creates a
 * name. This class keeps no topics: they are in the metadata log.
 */
import type { Logger, Random } from '@millrace/base';
import { apis, ErrorCode, errorName, joinedChunks } from '@millrace/protocol';
import type { Forward } from './handler.ts';

const CREATE_VERSION = 7;
const TIMEOUT_MS = 30_000;
/** Largest number of names in flight; a client that asks for more must retry. */
const IN_FLIGHT_MAX = 10_000;
const USE_DEFAULT = -1;

export interface AutoTopicCreationOptions {
  readonly forward: Forward;
  readonly random: Random;
  readonly logger: Logger;
}

export class AutoTopicCreation {
  private readonly inFlight = new Set<string>();
  private readonly options: AutoTopicCreationOptions;

  constructor(options: AutoTopicCreationOptions) {
    this.options = options;
  }

  /** Starts to create the names that are not in flight. The caller has checked that the names are legal. */
  create(names: readonly string[], clientId: string | null): void {
    const wanted: string[] = [];
    for (const name of names) {
      if (this.inFlight.has(name) || this.inFlight.size >= IN_FLIGHT_MAX) continue;
      this.inFlight.add(name);
      wanted.push(name);
    }
    if (wanted.length === 0) return;
    const topics = wanted.map((name) => ({
      name,
      numPartitions: USE_DEFAULT,
      replicationFactor: USE_DEFAULT,
    }));
    const chunks = apis.createTopics.encodeRequest(CREATE_VERSION, { topics, timeoutMs: TIMEOUT_MS });
    this.options.forward(
      {
        apiKey: apis.createTopics.key,
        apiVersion: CREATE_VERSION,
        clientId,
        body: joinedChunks(chunks),
        timeoutMs: TIMEOUT_MS,
        requestId: this.options.random.uuid(),
      },
      ({ errorCode, body }) => {
        for (const name of wanted) this.inFlight.delete(name);
        if (errorCode === ErrorCode.NONE) this.report(body);
        else
          this.options.logger.warn('auto-topic-creation-failed', {
            topics: wanted,
            error: errorName(errorCode),
          });
      },
    );
  }

  private report(body: Uint8Array): void {
    for (const { name, errorCode, errorMessage } of apis.createTopics.decodeResponse(CREATE_VERSION, body)
      .topics) {
      if (errorCode === ErrorCode.NONE) this.options.logger.info('topic-auto-created', { topic: name });
      else if (errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS)
        this.options.logger.warn('auto-topic-creation-failed', {
          topics: [name],
          error: errorName(errorCode as ErrorCode),
          detail: errorMessage,
        });
    }
  }
}
