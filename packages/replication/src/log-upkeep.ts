/** Starts the work on the replicas' logs that no request asks for: retention and compaction. */
import { cleanerJobs } from '@millrace/log';
import type { Metrics } from '@millrace/metrics';
import { cleanerSettings } from './cleaner-settings.ts';
import { LogCleaner } from './log-cleaner.ts';
import type { LogDirs } from './log-dirs.ts';
import type { ReplicaManager } from './replica-manager.ts';
import { Retention } from './retention.ts';

export interface LogUpkeep {
  readonly retention: Retention;
}

/** Starts this work. All of it ends when the manager's timers stop. */
export function startLogUpkeep(manager: ReplicaManager, logDirs: LogDirs, metrics: Metrics): LogUpkeep {
  const { options, timers } = manager;
  const { brokerId, config, codecs } = options;
  const replicas = () => manager.partitions();
  const retention = new Retention(options, timers, replicas, metrics);
  new LogCleaner({
    ...options,
    timers,
    replicas,
    metrics,
    kinds: cleanerJobs(codecs),
    removeExpired: (log) => retention.removeExpired(log),
    room: logDirs.freeSpace,
    settings: () => cleanerSettings(config.cleaner, manager.image, brokerId),
  });
  return { retention };
}
