import { aimedFaults, lateCopy, lateFromDead } from './aimed/index.ts';
import { clockFaults } from './clock-faults.ts';
import { diskFaults } from './disk-faults.ts';
import { duplicateId } from './duplicate-id.ts';
import { failingDisk } from './failing-disk.ts';
import type { FaultKind } from './fault.ts';
import { lateTimers } from './late-timers.ts';
import { networkFaults } from './network-faults.ts';
import { operatorFaults } from './operator-faults.ts';
import { processFaults } from './process-faults.ts';

export * from './atlas.ts';
export * from './fault.ts';
export * from './operator.ts';

/** What most of a run's plan is drawn from. A new one among them deals out the plans of all seeds anew. */
export const commonFaults: readonly FaultKind[] = [
  ...networkFaults,
  ...processFaults,
  ...clockFaults,
  ...diskFaults,
  ...operatorFaults,
  ...aimedFaults,
];

/**
 * Each strikes once in some runs, by a source of its own: another one leaves the plans of all seeds as they
 * are.
 */
export const rareFaults: readonly FaultKind[] = [
  failingDisk,
  lateCopy,
  lateFromDead,
  duplicateId,
  lateTimers,
];

/** Every fault that a run may draw. */
export const faultKinds: readonly FaultKind[] = [...commonFaults, ...rareFaults];
