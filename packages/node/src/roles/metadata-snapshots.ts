/**
 * Converts between an image and the snapshots of the quorum. Decodes few records in a turn, so that a large
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

/** At most this many records are decoded in one turn: about a millisecond of work. */
const TURN_RECORDS = 200;

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
  const records = recordsOfParts(parts);
  const readSlice = () => {
    const read = attempt(() => {
      for (let count = 0; count < TURN_RECORDS; count++) {
        const { value, done: isAtEnd } = records.next();
        if (isAtEnd === true) return replay.finish(endOffset - 1, epoch);
        replay.add(decodeRecord(value));
      }
      return undefined;
    });
    if (read === undefined) clock.setTimer(0, readSlice);
    else done(read);
  };
  readSlice();
}

function* recordsOfParts(parts: readonly Uint8Array[]): Generator<Uint8Array, undefined> {
  for (const part of parts) yield* recordsOfPart(part);
}

/** Returns any error. A snapshot whose records do not fit together is as unusable as a malformed one. */
function attempt<T>(read: () => T): T | Error {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
