/** Waiting for a moment. */
import { MILLISECOND, type Micros } from '../../world/index.ts';
import { type FaultContext, later } from '../fault.ts';

const LOOK_US: Micros = 20 * MILLISECOND;

/** Looks again and again, until `look` says that there is no more to wait for, or the faults are over. */
export function watch(context: FaultContext, look: () => boolean, everyUs: Micros = LOOK_US): void {
  later(context, everyUs, () => {
    if (!look()) watch(context, look, everyUs);
  });
}
