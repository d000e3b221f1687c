/** Bounds the hints of all logs of a node. The log that was not read for longest loses its hints first. */
import { NODE_HINTS } from '../limits.ts';

/** The hints of one log. */
export interface HintsOfLog {
  readonly size: number;
  dropOldest(): void;
}

export class HintBudget {
  /** Number of hints of all logs. */
  total = 0;
  /** The logs that have hints, the one whose hints changed longest ago first. */
  private readonly logs = new Set<HintsOfLog>();
  private readonly max: number;

  constructor(max = NODE_HINTS) {
    this.max = max;
  }

  /** Called by the hints of a log: their number of hints has changed by `by`. */
  changed(log: HintsOfLog, by: number): void {
    this.total += by;
    if (by < 0 && log.size > 0) return;
    this.logs.delete(log);
    if (log.size > 0) this.logs.add(log);
    while (this.total > this.max) {
      const [oldest] = this.logs;
      oldest!.dropOldest();
    }
  }
}
