/**
 * The log start offsets that a node must not forget, even if its checkpoint file lacks them. A process writes
 * its log start offsets every `replica.high.watermark.checkpoint.interval.ms`, and when it stops cleanly. So
 * the disk owes each start that the replica had for this interval and 2 s more, and after a clean stop the
 * last start of each replica.
 *
 * The time counts only while nothing disturbs the process: no pause, no blocked call, no late timers, and no
 * disk that is full or that refuses calls. After a power loss the disk owes nothing, because the process does
 * not sync the file. This also holds for a power loss after the process has ended.
 */
import type { Offset } from '@millrace/base';
import type { Partition } from '@millrace/replication';
import type { SimNode } from '../cluster/index.ts';
import { type Death, type Life, MILLISECOND, type Micros, SECOND } from '../world/index.ts';

const SLACK_US: Micros = 2 * SECOND;
/** A running broker has turns more often. So a longer time without a turn is a pause. */
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

  /** Call it after each turn of the node, after `moved`. */
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

  /** An open replica has moved. */
  moved(replica: Partition, key: string, nowUs: Micros): void {
    let stood = this.stood.get(replica);
    if (stood === undefined) {
      stood = { key, steps: [] };
      this.stood.set(replica, stood);
    }
    const offset = replica.log.startOffset;
    if (stood.steps.at(-1)?.offset !== offset) stood.steps.push({ offset, fromUs: nowUs });
  }

  /** Returns the start that the disk owes when a replica opens. The disk then owes no more than `start`. */
  opened(key: string, start: Offset): Offset {
    const { powerLosses } = this.node.disk;
    if (powerLosses !== this.powerLosses) this.owed.clear();
    this.powerLosses = powerLosses;
    const owed = this.owed.get(key) ?? 0;
    if (start < owed) this.owed.set(key, start);
    return owed;
  }

  /** The replica has closed in a process that lives on. */
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
   * Notes the starts for which the process has had time to write its checkpoint. The time after the process
   * was asked to stop does not count: it may have closed its logs, and writes nothing while it waits for
   * syncs.
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
