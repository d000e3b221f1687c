/**
 * The outcome of a request: its records and its answer. A decision changes neither image nor sessions. The
 * image changes only when the controller replays the records.
 */
import type { LogEntry, Logger } from '@millrace/base';
import type { MetadataImage, MetadataRecord } from '@millrace/metadata';

export type DecisionLog = readonly LogEntry<'info'>[];

export interface Decision<R> {
  readonly records: readonly MetadataRecord[];
  /** What the controller logs when the records are committed. */
  readonly log?: DecisionLog;
  /** Returns the answer. Called after the replay of the records, so `image` includes them. */
  respond(image: MetadataImage): R;
}

/** A decision without records. */
export function answer<R>(response: R): Decision<R> {
  return { records: [], respond: () => response };
}

export function logAll(logger: Logger, log: DecisionLog): void {
  for (const { event, facts } of log) logger.info(event, facts);
}
