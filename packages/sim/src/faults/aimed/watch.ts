/** Waits until a condition holds. */
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, later } from '../fault.ts';

const LOOK_US: Micros = 20 * MILLISECOND;

/** Calls `look` again and again, until it says that the wait is over, or the faults are over. */
export function watch(context: FaultContext, look: () => boolean, everyUs: Micros = LOOK_US): void {
  later(context, everyUs, () => {
    if (!look()) watch(context, look, everyUs);
  });
}
