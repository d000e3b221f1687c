/** Schedules the faults of an incident. */
import type { FaultContext, TouchedMachines } from '../faults/index.ts';
import { type Incident, kindNamed, type PlannedFault } from '../plan/index.ts';
import { MILLISECOND, type Micros } from '../world/index.ts';

/** A planned fault that found a victim. */
export interface StruckFault {
  readonly planned: PlannedFault;
  readonly atUs: Micros;
  /** Its victim and its duration in words. */
  readonly text: string;
}

/**
 * Schedules every fault at its time. If a fault finds a victim, it strikes: `touched` then notes the machines
 * that the fault touches, and the function calls `struck` with the fault.
 */
export function schedule(
  { faults }: Incident,
  context: Omit<FaultContext, 'random'>,
  touched: TouchedMachines,
  struck: (fault: StruckFault) => void,
): void {
  const { world } = context;
  for (const planned of faults) {
    const { id, kind, atMs, parameters } = planned;
    world.after(atMs * MILLISECOND, () => {
      const random = world.random.fork(`fault ${id}`);
      const strike = kindNamed(kind)!.strike({ ...context, random }, parameters);
      if (strike === undefined) return;
      touched.note(strike);
      world.count(`fault ${kind}`);
      world.tell('world', `fault ${id}: ${kind}`, { what: strike.says });
      struck({ planned, atUs: world.nowUs, text: strike.says });
    });
  }
}
