/** The wall clocks of the brokers over a run: faults make them wrong, and let them jump. */
import type { Millis } from '@millrace/base';
import type { SimNode } from '../cluster/index.ts';
import { type Host, MILLISECOND, type Micros } from '../world/index.ts';

interface Step {
  readonly sinceUs: Micros;
  readonly offsetMs: Millis;
}

export class WallClocks {
  private readonly steps = new Map<Host, Step[]>();

  /** Call this after each turn of a node: a node reads its clock only in its turns. */
  turn({ host }: SimNode, nowUs: Micros): void {
    const steps = this.steps.get(host);
    if (steps === undefined) this.steps.set(host, [{ sinceUs: 0, offsetMs: host.wallOffsetMs }]);
    else if (steps.at(-1)!.offsetMs !== host.wallOffsetMs)
      steps.push({ sinceUs: nowUs, offsetMs: host.wallOffsetMs });
  }

  /** The longest time between two reads of any clocks, both from `fromUs` to `toUs`. */
  longestMs(fromUs: Micros, toUs: Micros): Millis {
    let earliest = Number.POSITIVE_INFINITY;
    let latest = Number.NEGATIVE_INFINITY;
    for (const steps of this.steps.values())
      steps.forEach(({ sinceUs, offsetMs }, index) => {
        const endUs = Math.min(toUs, steps[index + 1]?.sinceUs ?? toUs);
        if (sinceUs > toUs || endUs < fromUs) return;
        earliest = Math.min(earliest, Math.floor(Math.max(fromUs, sinceUs) / MILLISECOND) + offsetMs);
        latest = Math.max(latest, Math.floor(endUs / MILLISECOND) + offsetMs);
      });
    return Math.max(0, latest - earliest);
  }
}
