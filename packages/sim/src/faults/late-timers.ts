/** An overloaded process: every timer fires late. */
import { MILLISECOND } from '../world/index.ts';
import { endAfter, fault, type VictimChoice, victim, victimOf } from './fault.ts';
import { duration, oneOf } from './parameter.ts';

const anyVictim = victim();

export const lateTimers = fault({
  name: 'late-timers',
  sentence: 'every timer of one process, most often the active controller, is late',
  parameters: {
    victim: {
      ...anyVictim,
      draw(random): VictimChoice {
        const drawn = anyVictim.draw(random);
        return random.below(3) > 0 ? { ...drawn, who: 'active-controller' } : drawn;
      },
    },
    lateMs: oneOf(120, 250, 500),
    lastsMs: duration(12_000),
  },
  strike(context, { victim, lateMs, lastsMs }) {
    const { name, host } = victimOf(context, victim)!;
    host.timersLateUs = lateMs * MILLISECOND;
    const lasts = endAfter(context, lastsMs, () => {
      host.timersLateUs = 0;
    });
    return `${name} by ${lateMs} ms, for ${lasts}`;
  },
});
