/**
 * Group commit of one log. At most one flush runs at a time. Records appended during a flush wait for the
 * next one. Flushes only on request.
 */
import type { DiskError } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';

export interface SyncEvents {
  /** Calls back at the end of this turn, so that the appends of a turn share one flush. */
  soon(callback: () => void): void;
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
    this.events.soon(() => this.run());
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
