/**
 * Serves DeleteRecords: deletes in each partition that this broker leads, and answers when every partition is
 * settled, or at the timeout of the request.
 *
 * Bounds: a request begins deletions until the work budget of the turn is spent, and begins the others in
 * later turns. A later turn begins at least one of them, because other requests may spend the budget of every
 * turn. At most `parkedMax` deletions wait at a time. A further deletion raises the log start offset, too,
 * but does not wait: its answer is REQUEST_TIMED_OUT, and clients retry after this error.
 */
import type { Millis, Uuid } from '@millrace/base';
import { ErrorCode, type WorkBudget } from '@millrace/protocol';
import type { Partition } from '../partition/partition.ts';
import { deletionFailure, type WaitingDeletion } from '../partition/record-deletions.ts';
import type { Cancel, DeleteRecordsRequest, PartitionError, RecordsDeleted } from '../types.ts';

export interface DeleteRecordsPorts {
  /** The work that all requests of this turn may still spend. */
  readonly turnBudget: WorkBudget;
  /** The most deletions that wait, over all requests. */
  readonly parkedMax: number;
  find(topicId: Uuid, index: number): Partition | PartitionError;
  after(delayMs: Millis, callback: () => void): Cancel;
  /** Calls back in a later turn, which has a budget of its own. `Clock.soon` stays within the turn. */
  inLaterTurn(callback: () => void): void;
}

/**
 * Cost of a deletion. The unit is that of LOOP_WORK_MAX, so a turn begins about 20 deletions. A deletion
 * takes about 20 µs. The cost also covers later fetches: in them, followers get the new start and then report
 * it.
 */
const DELETION_WORK = 50_000;
/** Cost of a partition that this broker does not lead. */
const REFUSAL_WORK = 500;

export class DeleteRecordsService {
  /** Number of deletions that wait for followers or for a lease. */
  parked = 0;
  private readonly ports: DeleteRecordsPorts;

  constructor(ports: DeleteRecordsPorts) {
    this.ports = ports;
  }

  /**
   * May call `done` within this call. Otherwise returns a function that cancels the request; the records stay
   * deleted.
   */
  delete(request: DeleteRecordsRequest, done: (results: RecordsDeleted[]) => void): Cancel | undefined {
    return new Deletion(this, this.ports, request, done).start();
  }
}

/** One request. */
class Deletion {
  private readonly service: DeleteRecordsService;
  private readonly ports: DeleteRecordsPorts;
  private readonly request: DeleteRecordsRequest;
  private readonly done: (results: RecordsDeleted[]) => void;
  private readonly results: RecordsDeleted[] = [];
  private readonly waiting = new Set<WaitingDeletion>();
  /** The index of the first partition whose deletion has not begun. */
  private next = 0;
  private settled = 0;
  private isExpired = false;
  private isOver = false;
  private stopTimer: Cancel = () => {};

  constructor(
    service: DeleteRecordsService,
    ports: DeleteRecordsPorts,
    request: DeleteRecordsRequest,
    done: (results: RecordsDeleted[]) => void,
  ) {
    this.service = service;
    this.ports = ports;
    this.request = request;
    this.done = done;
  }

  start(): Cancel | undefined {
    this.continue({ mayBeNone: true });
    if (this.isOver) return undefined;
    this.stopTimer = this.ports.after(Math.max(0, this.request.timeoutMs), () => this.expire());
    return () => this.cancel();
  }

  /**
   * Begins deletions while the budget of this turn lasts. Begins at least one, unless `mayBeNone` is true.
   */
  private continue({ mayBeNone }: { readonly mayBeNone: boolean }): void {
    const { partitions } = this.request;
    const { turnBudget, inLaterTurn } = this.ports;
    let mayPause = mayBeNone;
    while (!this.isOver && this.next < partitions.length) {
      if (turnBudget.work <= 0 && mayPause) {
        inLaterTurn(() => this.continue({ mayBeNone: false }));
        return;
      }
      mayPause = true;
      this.begin(this.next++);
    }
    this.finish();
  }

  private begin(slot: number): void {
    const { topicId, partition, offset } = this.request.partitions[slot]!;
    const { turnBudget, parkedMax } = this.ports;
    const found = this.ports.find(topicId, partition);
    const errorCode = 'errorCode' in found ? found.errorCode : found.checkLeader(-1);
    const { deletions } = ('leadership' in found && found.leadership) || {};
    if (deletions === undefined || errorCode !== ErrorCode.NONE) {
      turnBudget.work = Math.max(0, turnBudget.work - REFUSAL_WORK);
      this.settle(slot, deletionFailure(errorCode));
      return;
    }
    turnBudget.work = Math.max(0, turnBudget.work - DELETION_WORK);
    const mayWait = !this.isExpired && this.service.parked < parkedMax;
    let deletion: WaitingDeletion | undefined;
    const { clientId } = this.request;
    deletion = deletions.start(offset, { mayWait, clientId }, (result) => {
      if (deletion !== undefined) this.ends(deletion);
      this.settle(slot, result);
      this.finish();
    });
    if (deletion === undefined) return;
    this.waiting.add(deletion);
    this.service.parked++;
  }

  private settle(slot: number, result: RecordsDeleted): void {
    this.results[slot] = result;
    this.settled++;
  }

  private ends(deletion: WaitingDeletion): void {
    if (this.waiting.delete(deletion)) this.service.parked--;
  }

  /** Called when the request times out. From then on no deletion waits, but the others still begin. */
  private expire(): void {
    this.isExpired = true;
    for (const deletion of [...this.waiting]) deletion.expire();
  }

  private cancel(): void {
    this.isOver = true;
    this.stopTimer();
    for (const deletion of [...this.waiting]) {
      deletion.cancel();
      this.ends(deletion);
    }
  }

  private finish(): void {
    if (this.isOver || this.settled < this.request.partitions.length) return;
    this.isOver = true;
    this.stopTimer();
    this.done(this.results);
  }
}
