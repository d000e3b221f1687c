/**
 * Opens the logs of this broker over several turns, a few at a time: at start all logs that it finds, and
 * later those that could not be opened before, for example when the disk has space again. If a topic has very
 * many partitions, creates their logs over several turns, too. Says which logs are opening, and how many are
 * left. Does not decide what happens with an opened log, or with one that it cannot open.
 */
import type { Jobs, Logger, Timers, Uuid, WallMillis } from '@millrace/base';
import type { LogDirectory, Opened, PartitionLog } from '@millrace/log';
import type { ReplicaName } from './replica-table.ts';
import type { TopicSettings } from './topic-settings.ts';
import type { TurnBudget } from './turn-budget.ts';

/**
 * Logs that open at the same time. While jobs check the batches of some logs, the event loop reads those of
 * the others.
 */
const OPENINGS_MAX = 4;
/** Logs whose opening one turn begins. The opening of a short log takes about a millisecond. */
const OPENINGS_PER_TURN = 8;
/**
 * New logs that one turn creates at once. Creating a log takes about a millisecond, so a topic with thousands
 * of partitions would block the event loop for seconds.
 */
export const CREATIONS_PER_TURN = 64;
/** The broker tells the share of its open logs at most this often. */
const TELL_MS = 5_000;

export interface LogOpeningsPorts {
  readonly directory: LogDirectory;
  readonly jobs: Jobs;
  readonly budget: TurnBudget;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Calls back in a later turn. */
  later(callback: () => void): void;
}

export interface HowToOpen {
  readonly settings: TopicSettings;
  readonly nowWallMs: WallMillis;
}

export type OpenedLog = (name: ReplicaName, opened: Opened<PartitionLog>) => void;

interface Waiting {
  /** True if the log has no folder yet. */
  readonly isNew: boolean;
  readonly name: ReplicaName;
  readonly how: HowToOpen;
  readonly opened: OpenedLog;
}

export class LogOpenings {
  private readonly ports: LogOpeningsPorts;
  /** The logs that are opening, by folder. */
  private readonly running = new Map<string, ReplicaName>();
  private queue: readonly ReplicaName[] = [];
  /** Index in the queue of the next log to open. */
  private next = 0;
  private isFilling = false;
  /** The logs that wait for a later turn after the start, by folder, in the order of their openings. */
  private readonly waiting = new Map<string, Waiting>();
  private createdInTurn = 0;
  private openedInTurn = 0;
  /** True while a call of `beginWaiting` is under way. */
  private isBeginning = false;
  private isClosed = false;

  constructor(ports: LogOpeningsPorts) {
    this.ports = ports;
  }

  /** Logs that are opening, or that wait for their opening at start. */
  get remaining(): number {
    return this.running.size + this.waiting.size + this.queue.length - this.next;
  }

  has({ topicId, topic, index }: ReplicaName): boolean {
    const folder = folderOf(topic, index);
    const name = this.running.get(folder) ?? this.waiting.get(folder)?.name;
    return name?.topicId === topicId;
  }

  /** True if a log of this folder is opening, or waits for that after the start. */
  hasFolder(topic: string, index: number): boolean {
    const folder = folderOf(topic, index);
    return this.running.has(folder) || this.waiting.has(folder);
  }

  /**
   * Opens the logs, and calls `done` once when none is left, perhaps within this call. Called once, at start.
   * After `close` it calls nothing.
   */
  openAll(names: readonly ReplicaName[], how: HowToOpen, opened: OpenedLog, done: () => void): void {
    const { timers, logger } = this.ports;
    const startMs = timers.now();
    let toldMs = startMs;
    this.queue = names;
    const one: OpenedLog = (name, result) => {
      opened(name, result);
      const open = names.length - this.remaining;
      if (timers.now() - toldMs >= TELL_MS && this.remaining > 0) {
        toldMs = timers.now();
        logger.info('logs-opening', { open, total: names.length });
      }
      this.fill(how, one, finish);
    };
    const finish = (): void => {
      if (names.length > 0)
        logger.info('logs-opened', { total: names.length, tookMs: timers.now() - startMs });
      done();
    };
    this.fill(how, one, finish);
  }

  /** Begins as many openings of the queue as may run. */
  private fill(how: HowToOpen, opened: OpenedLog, done: () => void): void {
    // An opening may end within `open`. The loop below then begins the next one.
    if (this.isFilling || this.isClosed) return;
    this.isFilling = true;
    let begun = 0;
    while (this.next < this.queue.length && this.running.size < OPENINGS_MAX) {
      if (begun++ === OPENINGS_PER_TURN) {
        // Keep `isFilling`: an opening that ends meanwhile begins no other one.
        this.ports.later(() => {
          this.isFilling = false;
          this.fill(how, opened, done);
        });
        return;
      }
      this.open(this.queue[this.next++]!, how, opened);
    }
    this.isFilling = false;
    if (this.remaining > 0) return;
    this.queue = [];
    this.next = 0;
    done();
  }

  /** Opens one log. May call `opened` within this call. Ends an earlier opening of the same folder. */
  open(name: ReplicaName, { settings, nowWallMs }: HowToOpen, opened: OpenedLog): void {
    if (this.isClosed) return;
    const { directory, jobs, budget, later } = this.ports;
    const { topic, index, topicId } = name;
    this.cancelFolder(name);
    const folder = folderOf(topic, index);
    this.running.set(folder, name);
    const ports = { jobs, budget, later };
    directory.startOpening(topic, index, { topicId, config: settings.log, nowWallMs, ports }, (result) => {
      this.running.delete(folder);
      opened(name, result);
      this.beginWaitingSoon();
    });
  }

  /** True if this turn may create one more log. The caller then creates it. */
  mayCreate(): boolean {
    if (this.createdInTurn >= CREATIONS_PER_TURN) return false;
    if (this.createdInTurn++ === 0)
      this.ports.later(() => {
        this.createdInTurn = 0;
      });
    return true;
  }

  /**
   * True if the opening of one more existing log may begin in this turn. The caller then calls `open`. The
   * bounds are those of the start, because one cause may concern all logs of a broker: a full disk, or a
   * folder that could not be listed.
   */
  mayOpen(): boolean {
    if (this.running.size >= OPENINGS_MAX || this.openedInTurn >= OPENINGS_PER_TURN) return false;
    if (this.openedInTurn++ === 0)
      this.ports.later(() => {
        this.openedInTurn = 0;
      });
    return true;
  }

  /** Creates a log in a later turn, when `mayCreate` allows no more logs in this one. */
  createLater(name: ReplicaName, how: HowToOpen, opened: OpenedLog): void {
    this.wait({ isNew: true, name, how, opened });
  }

  /** Opens an existing log in a later turn, when `mayOpen` allows no more openings in this one. */
  openLater(name: ReplicaName, how: HowToOpen, opened: OpenedLog): void {
    this.wait({ isNew: false, name, how, opened });
  }

  private wait(one: Waiting): void {
    if (this.isClosed) return;
    this.waiting.set(folderOf(one.name.topic, one.name.index), one);
    this.beginWaitingSoon();
  }

  private beginWaitingSoon(): void {
    if (this.isBeginning || this.waiting.size === 0) return;
    this.isBeginning = true;
    this.ports.later(() => this.beginWaiting());
  }

  private beginWaiting(): void {
    for (const [folder, { isNew, name, how, opened }] of this.waiting) {
      if (!(isNew ? this.mayCreate() : this.mayOpen())) break;
      this.waiting.delete(folder);
      this.open(name, how, opened);
    }
    this.isBeginning = false;
    // If the most openings run, the end of one of them begins the next.
    const [first] = this.waiting.values();
    if (first !== undefined && (first.isNew || this.running.size < OPENINGS_MAX)) this.beginWaitingSoon();
  }

  /** Ends the opening of this log, or the wait for it. Returns whether there was one. */
  cancel(name: ReplicaName): boolean {
    return this.has(name) && this.cancelFolder(name);
  }

  private cancelFolder({ topic, index }: ReplicaName): boolean {
    const folder = folderOf(topic, index);
    const isWaiting = this.waiting.delete(folder);
    const isRunning = this.running.delete(folder);
    if (isRunning) this.ports.directory.cancelOpening(topic, index);
    return isWaiting || isRunning;
  }

  /** Ends the openings of the topic's logs. Returns whether there was one. */
  cancelTopic(topicId: Uuid): boolean {
    const found = this.names().filter((name) => name.topicId === topicId);
    for (const name of found) this.cancelFolder(name);
    return found.length > 0;
  }

  /** The logs that are opening, and those that wait for it after the start. */
  private names(): ReplicaName[] {
    return [...this.running.values(), ...[...this.waiting.values()].map(({ name }) => name)];
  }

  /** Ends all openings. */
  cancelAll(): void {
    for (const name of this.names()) this.cancelFolder(name);
  }

  /** Ends all openings, and begins no other one. */
  close(): void {
    this.isClosed = true;
    this.cancelAll();
    this.queue = [];
    this.next = 0;
  }
}

function folderOf(topic: string, index: number): string {
  return `${topic}-${index}`;
}
