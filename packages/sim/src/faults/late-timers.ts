/** An overloaded process: every timer fires late. */
import { MILLISECOND } from '../world/index.ts';
import { type FaultKind, seconds, victim } from './fault.ts';

export const lateTimers: FaultKind = {
  name: 'late-timers',
  sentence: 'every timer of one process, most often the active controller, is late',
  strike(context, random) {
    const { cluster, world, untilUs } = context;
    const active = random.below(3) > 0 ? cluster.activeController() : undefined;
    const node = active ?? victim(context, random)!;
    const lateMs = [120, 250, 500][random.below(3)]!;
    const lastsUs = Math.min((2_000 + random.below(10_000)) * MILLISECOND, untilUs - world.nowUs);
    node.host.timersLateUs = lateMs * MILLISECOND;
    world.after(lastsUs, () => {
      node.host.timersLateUs = 0;
    });
    return `${node.name} by ${lateMs} ms, for ${seconds(lastsUs)}`;
  },
};
