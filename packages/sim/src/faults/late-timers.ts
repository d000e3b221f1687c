/** An overloaded process: every timer fires late. */
import { MILLISECOND } from '../world/index.ts';
import { endAfter, fault, seconds, type VictimChoice, victim, victimOf } from './fault.ts';
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
    const node = victimOf(context, victim)!;
    const { name, host } = node;
    host.timersLateUs = lateMs * MILLISECOND;
    const lastsUs = endAfter(context, lastsMs, () => {
      host.timersLateUs = 0;
    });
    return { says: `${name} by ${lateMs} ms, for ${seconds(lastsUs)}`, touches: [node], lastsUs };
  },
});
