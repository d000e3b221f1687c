/**
 * The outcome of a request: its records and its answer. Deciding never changes anything. The image moves only
 * when the controller replays the records.
 */
import type { MetadataImage, MetadataRecord } from '@millrace/metadata';

export interface Decision<R> {
  readonly records: readonly MetadataRecord[];
  /** Returns the answer. Called after the records were replayed, so `image` holds them. */
  respond(image: MetadataImage): R;
}

/** Nothing to write. */
export function answer<R>(response: R): Decision<R> {
  return { records: [], respond: () => response };
}
