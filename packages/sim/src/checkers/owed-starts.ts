/**
 * The log start offsets that a node must not forget, even if its checkpoint file lacks them. A process writes
 * its log start offsets to the checkpoint every `replica.high.watermark.checkpoint.interval.ms`, and when it
 * stops cleanly. The disk "owes" a log start offset if the checkpoint must have it: each one that a replica
 * had for this interval plus 2 s, and, after a clean stop, the last one of each replica.
 *
 * The time counts only while nothing disturbs the process: no pause, no blocked call, no late timers, and no
 * disk that is full or that refuses calls. After a power loss the disk owes nothing, because the process does
 * not sync the checkpoint. This also holds for a power loss after the process has ended.
 */
import type { Offset } from '@millrace/base';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import { type Death, type Life, MILLISECOND, type Micros, SECOND } from '../world/index.ts';

const SLACK_US: Micros = 2 * SECOND;
/** A running broker has a turn more often than this. So a longer time without a turn is a pause. */
const GAP_US: Micros = SECOND;

/** The starts that a replica has had in this life, in the order of time. */
interface Stood {
  readonly key: string;
  readonly steps: { readonly offset: Offset; readonly fromUs: Micros }[];
}

export class OwedStarts {
  private readonly node: SimNode;
  private readonly owed = new Map<string, Offset>();
  /** How often the machine had lost power when a replica last opened. */
  private powerLosses = 0;
  private life: Life | undefined;
  private readonly stood = new Map<Partition, Stood>();
  private lastTurnUs: Micros = 0;
  /** The end of the last disturbance, or of the time before this life. */
  private disturbedUs: Micros = 0;
  private stoppingUs: Micros = Number.POSITIVE_INFINITY;
  private waitUs: Micros = Number.POSITIVE_INFINITY;

  constructor(node: SimNode) {
    this.node = node;
  }

  /** Call this after each turn of the node, and after the calls of `moved` for this turn. */
  turn(nowUs: Micros): void {
    const { node } = this;
    const { life, roles } = node;
    if (life === undefined) return;
    if (life !== this.life) this.begin(life, nowUs);
    const config = roles?.broker?.replicas.options.config;
    if (config !== undefined) this.waitUs = config.highWatermarkCheckpointIntervalMs * MILLISECOND + SLACK_US;
    const { host, disk } = node;
    if (nowUs - this.lastTurnUs > GAP_US) this.disturb(nowUs);
    if (host.blockedUntilUs > nowUs) this.disturb(host.blockedUntilUs);
    if (host.timersLateUs > 0) this.disturb(nowUs + host.timersLateUs);
    if (disk.refusesCalls) this.disturb(nowUs);
    this.lastTurnUs = nowUs;
    if (node.isStopping && this.stoppingUs > nowUs) this.stoppingUs = nowUs;
  }

  /** Call this when the log start offset of an open replica has changed. */
  moved(replica: Partition, key: string, nowUs: Micros): void {
    let stood = this.stood.get(replica);
    if (stood === undefined) {
      stood = { key, steps: [] };
      this.stood.set(replica, stood);
    }
    const offset = replica.log.startOffset;
    if (stood.steps.at(-1)?.offset !== offset) stood.steps.push({ offset, fromUs: nowUs });
  }

  /**
   * Call this when a replica opens. Returns the log start offset that the disk owes. If the replica opens at
   * a lower offset `start`, the disk owes only `start` from then on.
   */
  opened(key: string, start: Offset): Offset {
    const { powerLosses } = this.node.disk;
    if (powerLosses !== this.powerLosses) this.owed.clear();
    this.powerLosses = powerLosses;
    const owed = this.owed.get(key) ?? 0;
    if (start < owed) this.owed.set(key, start);
    return owed;
  }

  /** Call this when a replica has closed and its process still runs. */
  closed(replica: Partition): void {
    const stood = this.stood.get(replica);
    if (stood === undefined) return;
    this.stood.delete(replica);
    this.owed.delete(stood.key);
  }

  private begin(life: Life, nowUs: Micros): void {
    this.life = life;
    this.lastTurnUs = nowUs;
    this.disturbedUs = nowUs;
    this.stoppingUs = Number.POSITIVE_INFINITY;
    life.onDeath((death) => this.ended(death));
  }

  private ended(death: Death | 'ended'): void {
    const { node } = this;
    this.settle();
    const isClean = death === 'ended' && node.isStopping && node.selfEnd === undefined;
    if (isClean && this.disturbedUs < this.stoppingUs)
      for (const { key, steps } of this.stood.values()) this.owes(key, steps.at(-1)!.offset);
    this.stood.clear();
  }

  private disturb(untilUs: Micros): void {
    this.settle();
    this.disturbedUs = Math.max(this.disturbedUs, untilUs);
  }

  /**
   * Notes the log start offsets that the process has had time to write to its checkpoint. The time after the
   * process was asked to stop does not count: the process may have closed its logs, and writes no checkpoint
   * while it waits for syncs.
   */
  private settle(): void {
    const latestUs = Math.min(this.lastTurnUs, this.stoppingUs) - this.waitUs;
    if (latestUs < this.disturbedUs) return;
    for (const { key, steps } of this.stood.values()) {
      const step = steps.findLast(({ fromUs }) => fromUs <= latestUs);
      if (step !== undefined) this.owes(key, step.offset);
    }
  }

  private owes(key: string, offset: Offset): void {
    if (offset > (this.owed.get(key) ?? 0)) this.owed.set(key, offset);
  }
}
