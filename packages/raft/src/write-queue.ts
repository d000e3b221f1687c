/**
 * The writes of a quorum on their way to its storage, and the messages that wait until a write is durable.
 * Joins all writes of one turn into one write. While a write runs, gathers all further writes into the next
 * write.
 */
import type { Clock } from '@millrace/base';
import type { RaftStorage, StorageWrite } from './storage.ts';

export interface QueuedWrite {
  readonly writes: readonly StorageWrite[];
  /** The number of the node's persist; undefined: these writes are a part of a snapshot. */
  readonly sequence?: number;
  /** Called when the writes are durable. */
  readonly durable?: () => void;
}

interface Held {
  readonly after: number;
  readonly release: () => void;
}

export interface WriteQueuePorts {
  readonly storage: RaftStorage;
  readonly clock: Pick<Clock, 'soon'>;
  /**
   * Called when everything up to this persist of the node is durable, and the messages that waited for it are
   * sent.
   */
  persisted(sequence: number): void;
  failed(error: Error): void;
}

export class WriteQueue {
  private readonly ports: WriteQueuePorts;
  private queue: QueuedWrite[] = [];
  private writing = false;
  private writeIsSoon = false;
  /** Messages that wait for a write, in sending order. */
  private held: Held[] = [];
  private persistedSequence = 0;
  private closed = false;

  constructor(ports: WriteQueuePorts) {
    this.ports = ports;
  }

  /** Calls `release` when the persist `after` is durable, perhaps at once. */
  hold(after: number, release: () => void): void {
    if (after <= this.persistedSequence) release();
    else this.held.push({ after, release });
  }

  add(write: QueuedWrite): void {
    if (this.closed) return;
    this.queue.push(write);
    if (this.writing || this.writeIsSoon) return;
    this.writeIsSoon = true;
    this.ports.clock.soon(() => {
      this.writeIsSoon = false;
      this.writeNext();
    });
  }

  /** Drops held messages and queued writes. */
  close(): void {
    this.closed = true;
    this.held = [];
    this.queue = [];
  }

  /** Group commit: all queued writes become one write. */
  private writeNext(): void {
    if (this.writing || this.closed || this.queue.length === 0) return;
    this.writing = true;
    const queued = this.queue;
    this.queue = [];
    this.ports.storage.write(
      queued.flatMap(({ writes }) => writes),
      (error) => {
        this.writing = false;
        if (this.closed) return;
        if (error !== undefined) this.ports.failed(error);
        else this.written(queued);
        this.writeNext();
      },
    );
  }

  private written(queued: readonly QueuedWrite[]): void {
    const sequence = queued.findLast((write) => write.sequence !== undefined)?.sequence;
    if (sequence !== undefined) {
      this.persistedSequence = sequence;
      const free = this.held.filter(({ after }) => after <= sequence);
      this.held = this.held.filter(({ after }) => after > sequence);
      for (const { release } of free) release();
      this.ports.persisted(sequence);
    }
    for (const { durable } of queued) if (!this.closed) durable?.();
  }
}
