/**
 * Writes one snapshot of the owner's state at a time, part by part. Each turn of the event loop encodes a
 * slice of a part. The writer begins the next part when the part before is durable. So a snapshot of any size
 * stalls neither the event loop nor the writes of the log, which pass between two parts.
 */
import { assert, type Clock, type Timer } from '@millrace/base';
import { crc32c } from '@millrace/protocol';
import { checksumOf, encodePart } from './parts.ts';
import type { StorageWrite } from './storage.ts';
import type { SnapshotId, SnapshotManifest } from './types.ts';

/** The owner's state after all committed batches, as records. */
export interface SnapshotSource {
  readonly id: SnapshotId;
  /** These records must stay the same when the owner's state changes. */
  readonly records: Iterable<Uint8Array>;
}

export interface SnapshotWriterPorts {
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly partBytes: number;
  /** Calls `done` when the writes are durable. */
  write(writes: readonly StorageWrite[], done: () => void): void;
  /** Called when all parts are durable. */
  written(manifest: SnapshotManifest): void;
}

/** At most this many records are encoded in one turn: about a millisecond of work. */
const TURN_RECORDS = 200;

export class SnapshotWriter {
  private readonly ports: SnapshotWriterPorts;
  private running: Running | undefined;
  private pause: Timer | undefined;

  constructor(ports: SnapshotWriterPorts) {
    this.ports = ports;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Begins a snapshot. `voters`: the first record of the log. */
  start(source: SnapshotSource, voters: Uint8Array): void {
    assert(this.running === undefined, 'one snapshot is written at a time');
    const records = source.records[Symbol.iterator]();
    const { id } = source;
    this.running = { id, voters, records, taken: [], takenBytes: 0, isAtEnd: false, checksums: [], bytes: 0 };
    this.later();
  }

  /** Ends the snapshot: no write follows. */
  stop(): void {
    this.running = undefined;
    this.pause?.cancel();
  }

  private later(): void {
    this.pause = this.ports.clock.setTimer(0, () => this.next());
  }

  private next(): void {
    const { running } = this;
    if (running === undefined) return;
    if (!this.takeSlice(running)) {
      this.later();
      return;
    }
    const content = partOf(running);
    if (content === undefined) {
      this.running = undefined;
      const { id, voters, checksums, bytes } = running;
      this.ports.written({ id, voters, parts: checksums.length, bytes, checksum: checksumOf(checksums) });
      return;
    }
    const part = running.checksums.length;
    running.checksums.push(crc32c(content));
    running.bytes += content.length;
    this.ports.write([{ type: 'snapshotPart', id: running.id, part, content }], () => {
      if (this.running === running) this.later();
    });
  }

  /** Takes the records of one turn. Returns true if they complete a part, or if there are no more records. */
  private takeSlice(running: Running): boolean {
    for (let count = 0; count < TURN_RECORDS; count++) {
      if (running.isAtEnd || running.takenBytes >= this.ports.partBytes) return true;
      const { value, done } = running.records.next();
      if (done === true) running.isAtEnd = true;
      else {
        running.taken.push(value);
        running.takenBytes += value.length + 4;
      }
    }
    return false;
  }
}

/** Encodes the taken records as a part; undefined at the end of the snapshot. The first part may be empty. */
function partOf(running: Running): Uint8Array | undefined {
  const { taken, checksums } = running;
  running.taken = [];
  running.takenBytes = 0;
  return taken.length === 0 && checksums.length > 0 ? undefined : encodePart(taken);
}

interface Running {
  readonly id: SnapshotId;
  readonly voters: Uint8Array;
  readonly records: Iterator<Uint8Array>;
  /** The records of the part that the writer gathers, and their bytes in that part. */
  taken: Uint8Array[];
  takenBytes: number;
  isAtEnd: boolean;
  readonly checksums: number[];
  bytes: number;
}
