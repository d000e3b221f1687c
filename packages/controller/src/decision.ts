/**
 * What a request comes to: the records that carry it out and the answer. Deciding never changes anything; the
 * image moves only when the records are replayed.
 */
import type { MetadataImage, MetadataRecord } from '@millrace/metadata';

export interface Decision<R> {
  readonly records: readonly MetadataRecord[];
  /** The answer, asked for once the records have been replayed: `image` holds them. */
  respond(image: MetadataImage): R;
}

/** Nothing to write. */
export function answer<R>(response: R): Decision<R> {
  return { records: [], respond: () => response };
}
