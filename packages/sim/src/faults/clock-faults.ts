/** Wall clocks are wrong and jump. Nothing but timestamps in data may depend on them. */
import { type FaultKind, victim } from './fault.ts';

const HOUR_MS = 3_600_000;
/**
 * Two readings of a clock must be less than a day apart: brokers forget producers after a day
 * (producer.id.expiration.ms).
 */
const ERROR_MS_MAX = 11 * HOUR_MS;

export const clockFaults: readonly FaultKind[] = [
  {
    name: 'clock-jump',
    sentence: 'the wall clock of a machine jumps, forwards or back',
    strike(context, random) {
      const node = victim(context, random)!;
      const range = [1_000, 60_000, ERROR_MS_MAX][random.below(3)]!;
      const byMs = random.below(2 * range) - range;
      const { host } = node;
      if (Math.abs(host.clockErrorMs + byMs) > ERROR_MS_MAX) return undefined;
      host.wallOffsetMs += byMs;
      return `${node.name} by ${byMs} ms`;
    },
  },
];
