/** Wall clocks are wrong and jump. No promise to clients may depend on them. */
import { type FaultKind, fault, RECOVERY_US, victim, victimOf } from './fault.ts';
import { whole } from './parameter.ts';

const HOUR_MS = 3_600_000;
/**
 * The largest error of a clock, ahead or behind. Brokers forget producers after a day
 * (producer.id.expiration.ms). With this limit, two readings of a clock right before and after a jump are
 * less than a day apart.
 */
const ERROR_MS_MAX = 11 * HOUR_MS;
const RANGES_MS = [1_000, 60_000, ERROR_MS_MAX];

/** The length of a jump. A negative jump sets the clock back. */
const jump = {
  ...whole(-ERROR_MS_MAX, ERROR_MS_MAX, (random) => {
    const range = RANGES_MS[random.below(RANGES_MS.length)]!;
    return random.below(2 * range) - range;
  }),
  less: (byMs: number) =>
    [Math.sign(byMs), Math.trunc(byMs / 2)].filter((one) => Math.abs(one) < Math.abs(byMs)),
};

export const clockFaults: readonly FaultKind[] = [
  fault({
    name: 'clock-jump',
    sentence: 'the wall clock of a machine jumps, forwards or back',
    parameters: { victim: victim(), byMs: jump },
    strike(context, { victim, byMs }) {
      const node = victimOf(context, victim)!;
      const { name, host } = node;
      if (Math.abs(host.clockErrorMs + byMs) > ERROR_MS_MAX) return undefined;
      host.wallOffsetMs += byMs;
      return { says: `${name} by ${byMs} ms`, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
];
