/**
 * Group commit of one log: at most one flush under way; whatever is appended meanwhile is covered by the
 * next. Never flushes by itself: someone asks.
 */
import type { DiskError } from '@millrace/base';
import type { PartitionLog } from '@millrace/log';

export interface SyncEvents {
  /** At the end of this turn: gathers the appends of a turn in one flush. */
  soon(callback: () => void): void;
  /** The log's recovery point moved. */
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

  /** Everything in the log by now is to get to the device. */
  request(): void {
    if (this.isStopped) return;
    if (this.state === 'running') this.isWantedAgain = true;
    if (this.state !== 'idle') return;
    this.state = 'scheduled';
    this.events.soon(() => this.run());
  }

  /** No event follows. */
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
