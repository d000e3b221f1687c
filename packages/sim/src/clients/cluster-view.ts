/** The cluster as a simulated client sees it. Counts the error codes in the answers to Metadata requests. */
import type { Millis, Uuid } from '@millrace/base';
import { ClusterView } from '@millrace/client';
import { openConnection } from './broker-connection.ts';
import { type ClientEnv, countError } from './env.ts';
import type { GroupRecorder } from './group-recorder.ts';

const METADATA_VERSION = 12;

/**
 * `wanted`: the topics to ask for. `changed`: called when metadata arrive, and when a connection becomes
 * ready or breaks.
 */
export function clusterViewOf(
  env: ClientEnv,
  options: {
    readonly timeoutMs: Millis;
    readonly wanted: () => readonly string[];
    /** The topics to ask for by their ids. */
    readonly wantedIds?: () => readonly Uuid[];
    readonly changed: () => void;
    readonly recorder?: GroupRecorder;
  },
): ClusterView {
  return new ClusterView({
    clock: env.life.clock,
    random: env.random,
    bootstrap: env.bootstrap,
    open: (address, changed) => openConnection(env, address, options.timeoutMs, changed, options.recorder),
    wanted: options.wanted,
    ...(options.wantedIds === undefined ? {} : { wantedIds: options.wantedIds }),
    changed: options.changed,
    metadataVersion: METADATA_VERSION,
    createsTopics: env.createsTopics,
    answered: ({ topics }) => {
      for (const { name, errorCode, partitions } of topics) {
        countError(env, errorCode);
        if (name === null || errorCode !== 0) continue;
        for (const partition of partitions) countError(env, partition.errorCode);
      }
    },
  });
}
