/** Wall clocks are wrong and jump. Nothing but timestamps in data may depend on them. */
import { type FaultKind, victim } from './fault.ts';

const HOUR_MS = 3_600_000;

export const clockFaults: readonly FaultKind[] = [
  {
    name: 'clock-jump',
    sentence: 'the wall clock of a machine jumps, forwards or back',
    strike(context, random) {
      const node = victim(context, random)!;
      const range = [1_000, 60_000, 20 * HOUR_MS][random.below(3)]!;
      const byMs = random.below(2 * range) - range;
      node.host.wallOffsetMs += byMs;
      return `${node.name} by ${byMs} ms`;
    },
  },
];
