import { aimedFaults } from './aimed/index.ts';
import { clockFaults } from './clock-faults.ts';
import { diskFaults } from './disk-faults.ts';
import type { FaultKind } from './fault.ts';
import { networkFaults } from './network-faults.ts';
import { operatorFaults } from './operator-faults.ts';
import { processFaults } from './process-faults.ts';

export * from './atlas.ts';
export * from './fault.ts';
export * from './operator.ts';

/** Every fault that a run may draw. */
export const faultKinds: readonly FaultKind[] = [
  ...networkFaults,
  ...processFaults,
  ...clockFaults,
  ...diskFaults,
  ...operatorFaults,
  ...aimedFaults,
];
