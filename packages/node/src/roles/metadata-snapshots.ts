/**
 * Converts between an image and the snapshots of the quorum. Decodes one part in a turn, so that a large
 * snapshot does not stall the event loop.
 */
import type { Clock } from '@millrace/base';
import {
  decodeRecord,
  encodeRecord,
  type MetadataImage,
  SnapshotReplay,
  snapshotRecords,
} from '@millrace/metadata';
import { recordsOfPart, type Snapshot, type SnapshotSource } from '@millrace/raft';

/** The image as a snapshot; undefined before the first record. */
export function snapshotOf(image: MetadataImage): SnapshotSource | undefined {
  if (image.offset < 0) return undefined;
  return { id: { endOffset: image.offset + 1, epoch: image.epoch }, records: encoded(image) };
}

function* encoded(image: MetadataImage): Generator<Uint8Array> {
  for (const record of snapshotRecords(image)) yield encodeRecord(record);
}

/** Calls `done` with the image, or with the Error that says why the snapshot cannot be read. */
export function decodeImage(
  clock: Pick<Clock, 'setTimer'>,
  { manifest, parts }: Snapshot,
  done: (image: MetadataImage | Error) => void,
): void {
  const replay = new SnapshotReplay();
  const { endOffset, epoch } = manifest.id;
  let next = 0;
  const readPart = () => {
    const part = parts[next++];
    const read = attempt(() => {
      if (part === undefined) return replay.finish(endOffset - 1, epoch);
      for (const record of recordsOfPart(part)) replay.add(decodeRecord(record));
      return undefined;
    });
    if (read === undefined) clock.setTimer(0, readPart);
    else done(read);
  };
  readPart();
}

/** Any error counts: a snapshot whose records do not fit together is as unusable as a malformed one. */
function attempt<T>(read: () => T): T | Error {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
