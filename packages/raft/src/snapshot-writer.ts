/**
 * Writes one snapshot of the owner's state at a time, part by part. A turn encodes one part; the next turn
 * begins when that part is durable. So a snapshot of any size stalls neither the event loop nor the writes of
 * the log, which pass between two parts.
 */
import { assert, type Clock } from '@millrace/base';
import { crc32c } from '@millrace/protocol';
import { checksumOf, encodePart } from './parts.ts';
import type { StorageWrite } from './storage.ts';
import type { SnapshotId, SnapshotManifest } from './types.ts';

/** The owner's state after all committed batches, as records. */
export interface SnapshotSource {
  readonly id: SnapshotId;
  /** Must not change when the owner's state does. */
  readonly records: Iterable<Uint8Array>;
}

export interface SnapshotWriterPorts {
  readonly clock: Pick<Clock, 'soon'>;
  readonly partBytes: number;
  /** Calls `done` when the writes are durable. */
  write(writes: readonly StorageWrite[], done: () => void): void;
  /** All parts are durable. */
  written(manifest: SnapshotManifest): void;
}

export class SnapshotWriter {
  private readonly ports: SnapshotWriterPorts;
  private running: Running | undefined;

  constructor(ports: SnapshotWriterPorts) {
    this.ports = ports;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** `voters`: the first record of the log. */
  start({ id, records }: SnapshotSource, voters: Uint8Array): void {
    assert(this.running === undefined, 'one snapshot is written at a time');
    this.running = { id, voters, records: records[Symbol.iterator](), checksums: [], bytes: 0 };
    this.ports.clock.soon(() => this.next());
  }

  private next(): void {
    const { running } = this;
    if (running === undefined) return;
    const content = this.takePart(running);
    if (content === undefined) {
      this.running = undefined;
      const { id, voters, checksums, bytes } = running;
      this.ports.written({ id, voters, parts: checksums.length, bytes, checksum: checksumOf(checksums) });
      return;
    }
    const part = running.checksums.length;
    running.checksums.push(crc32c(content));
    running.bytes += content.length;
    this.ports.write([{ type: 'snapshotPart', id: running.id, part, content }], () => this.next());
  }

  /** The next part; undefined at the end. The first part may be empty. */
  private takePart({ records, checksums }: Running): Uint8Array | undefined {
    const taken: Uint8Array[] = [];
    let bytes = 0;
    while (bytes < this.ports.partBytes) {
      const { value, done } = records.next();
      if (done === true) break;
      taken.push(value);
      bytes += value.length + 4;
    }
    return taken.length === 0 && checksums.length > 0 ? undefined : encodePart(taken);
  }
}

interface Running {
  readonly id: SnapshotId;
  readonly voters: Uint8Array;
  readonly records: Iterator<Uint8Array>;
  readonly checksums: number[];
  bytes: number;
}
