/**
 * What the host of a RaftNode does about snapshots: lets the owner take a snapshot when one is due, and lets
 * the owner decode and install the snapshot of a leader.
 */
import { assert, type Clock, type Millis } from '@millrace/base';
import type { RaftInput } from './effects.ts';
import type { RaftNode } from './node.ts';
import { isSameId } from './parts.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import type { CommittedBatch, Snapshot, SnapshotConfig, SnapshotId, SnapshotOwner } from './types.ts';
import type { QueuedWrite } from './write-queue.ts';

export interface SnapshotOptions {
  readonly owner: SnapshotOwner;
  readonly config: SnapshotConfig;
}

export interface SnapshotHostPorts {
  readonly node: RaftNode;
  readonly clock: Clock;
  write(write: QueuedWrite): void;
  input(input: RaftInput): void;
}

export class SnapshotHost {
  private readonly ports: SnapshotHostPorts;
  private readonly owner: SnapshotOwner;
  private readonly writer: SnapshotWriter;
  private readonly schedule: SnapshotSchedule;
  /** A leader's snapshot that the owner has decoded. */
  private decoded: { readonly id: SnapshotId; readonly install: () => void } | undefined;
  /** When this process wrote or loaded the newest snapshot, or when it started. */
  private newestAt: Millis;
  private closed = false;

  constructor(ports: SnapshotHostPorts, { owner, config }: SnapshotOptions) {
    this.ports = ports;
    this.owner = owner;
    this.newestAt = ports.clock.monotonicMs();
    this.writer = new SnapshotWriter({
      clock: ports.clock,
      partBytes: config.partBytes,
      write: (writes, durable) => ports.write({ writes, durable }),
      written: (manifest) => ports.input({ type: 'snapshotWritten', manifest }),
    });
    this.schedule = new SnapshotSchedule(ports.clock, config, () => this.take());
  }

  committed(batches: readonly CommittedBatch[]): void {
    this.schedule.committed(batches);
  }

  /** Call it when the newest snapshot is durable. */
  published(): void {
    this.newestAt = this.ports.clock.monotonicMs();
    // The next snapshot may have become due meanwhile.
    this.schedule.check();
  }

  /** The time since `newestAt`, in milliseconds. */
  get ageMs(): Millis {
    return this.ports.clock.monotonicMs() - this.newestAt;
  }

  /** Bytes of the records that were committed since the newest snapshot was begun or loaded. */
  get bytesSince(): number {
    return this.schedule.bytesSince;
  }

  /** Lets the owner decode a leader's snapshot. */
  check(snapshot: Snapshot): void {
    const { id } = snapshot.manifest;
    this.owner.decodeSnapshot(snapshot, (install) => {
      if (this.closed) return;
      const isUsable = !(install instanceof Error);
      if (isUsable) this.decoded = { id, install };
      this.ports.input({ type: 'snapshotChecked', id, error: isUsable ? undefined : install.message });
    });
  }

  install(id: SnapshotId): void {
    const { decoded } = this;
    assert(decoded !== undefined && isSameId(decoded.id, id), 'a snapshot is decoded before it is installed');
    this.decoded = undefined;
    // If the writer is running, its snapshot is older than the installed one, so the node would not publish
    // it.
    this.writer.stop();
    this.schedule.taken();
    decoded.install();
  }

  /** Forgets the decoded snapshot, if the node did not install it. */
  drop(id: SnapshotId): void {
    if (this.decoded !== undefined && isSameId(this.decoded.id, id)) this.decoded = undefined;
  }

  close(): void {
    this.closed = true;
    this.schedule.stop();
    this.writer.stop();
  }

  /** Begins to write a snapshot of the owner's state. */
  private take(): void {
    const { votersRecord, snapshots } = this.ports.node;
    if (this.closed || this.writer.isRunning || snapshots.isPublishing) return;
    const source = this.owner.snapshot();
    if (source === undefined || votersRecord === undefined) return;
    if (source.id.endOffset <= (snapshots.newest?.id.endOffset ?? 0)) return;
    this.schedule.taken();
    this.writer.start(source, votersRecord);
  }
}
