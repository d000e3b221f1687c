/**
 * Group commit of one log. At most one flush runs at a time. Records appended during a flush wait for the
 * next one. Flushes only on request. If a flush finds no free file descriptor, the log stays online, and the
 * flush is tried again. Its records stay unacknowledged meanwhile.
 */
import type { DiskError } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';
import type { PartitionPorts } from './ports.ts';

/** A flush that could not open its files is tried again after this time. */
const RETRY_MS = 500;

export interface SyncEvents {
  /** `soon` calls back at the end of this turn, so that the appends of a turn share one flush. */
  readonly ports: Pick<PartitionPorts, 'soon' | 'after'>;
  /** Called after each successful flush. */
  synced(): void;
  failed(error: DiskError): void;
}

export class DeviceSync {
  private readonly log: PartitionLog;
  private readonly events: SyncEvents;
  private state: 'idle' | 'scheduled' | 'running' = 'idle';
  private isWantedAgain = false;
  private isStopped = false;

  constructor(log: PartitionLog, events: SyncEvents) {
    this.log = log;
    this.events = events;
  }

  /** Asks for an fsync of everything that the log holds now. */
  request(): void {
    if (this.isStopped) return;
    if (this.state === 'running') this.isWantedAgain = true;
    if (this.state !== 'idle') return;
    this.state = 'scheduled';
    this.events.ports.soon(() => this.run());
  }

  /** Stops: no call of `synced` follows. */
  stop(): void {
    this.isStopped = true;
  }

  private run(): void {
    if (this.isStopped) return;
    this.state = 'running';
    this.isWantedAgain = false;
    this.log.flush((error) => {
      if (this.isStopped) return;
      if (error !== undefined && this.log.offline === undefined) {
        this.state = 'scheduled';
        this.events.ports.after(RETRY_MS, () => this.run());
        return;
      }
      this.state = 'idle';
      if (error !== undefined) {
        this.events.failed(error);
        return;
      }
      if (this.isWantedAgain) this.request();
      this.events.synced();
    });
  }
}
