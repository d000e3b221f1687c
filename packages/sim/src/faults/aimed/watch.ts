/** Lets an aimed fault wait for the state in which it makes its next step. */
import { MILLISECOND, type Micros, SECOND } from '../../world/index.ts';
import { type FaultContext, later } from '../fault.ts';

/** `lastsUs` of an aimed fault: all its steps, and the recovery from the last one. */
export const STEPS_US: Micros = 14 * SECOND;

const LOOK_US: Micros = 20 * MILLISECOND;

/** Calls `look` again and again, until `look` returns true or the incident is over. */
export function watch(context: FaultContext, look: () => boolean, everyUs: Micros = LOOK_US): void {
  later(context, everyUs, () => {
    if (!look()) watch(context, look, everyUs);
  });
}
