/**
 * Every fault that a run may draw.
 *
 * To add a fault (docs/simulation.md has the helpers and an example):
 * 1. Write a `fault({ … })` in a file of this folder: name, sentence, parameters, `strike`. A fault that
 *    waits for its moment is in `aimed/`.
 * 2. `strike` returns a `Strike` (`fault.ts`): the words for the story, every node that the fault may
 *    disturb, and for how long. The checkers of availability demand nothing of these nodes meanwhile.
 * 3. A fault that loses data asks the atlas (`atlas.ts`) whether it may strike, and then notes the harm in
 *    the atlas.
 * 4. If the effects of the fault do not end by themselves, undo them in `run/peace.ts`.
 * 5. Add the fault to `rareFaults` below. Or add the list of its file to `commonFaults`; this changes every
 *    plan.
 * 6. Add a row for the fault to the table in docs/simulation.md.
 *
 * Tests compare the sentence with the table, strike the fault alone at a small cluster
 * (`test/faults/index.test.ts`), and demand that the fault occurs in the seeds of
 * `test/scenarios/seeds.test.ts`.
 */
import { aimedFaults, lateCopy, lateFromDead, loweredMinIsr, reusedName } from './aimed/index.ts';
import { clockFaults } from './clock-faults.ts';
import { clonedDisk } from './cloned-disk.ts';
import { connectionFaults } from './connection-faults.ts';
import { diskFaults, lowDisk } from './disk-faults.ts';
import { duplicateId } from './duplicate-id.ts';
import { failingDisk } from './failing-disk.ts';
import type { FaultKind } from './fault.ts';
import { ioFaults } from './io-faults.ts';
import { lateTimers } from './late-timers.ts';
import { networkFaults } from './network-faults.ts';
import { alterCleanup, alterConfig, deleteRecords, operatorFaults } from './operator-faults.ts';
import { processFaults } from './process-faults.ts';
import { quorumStoreFaults } from './quorum-store-faults.ts';

export * from './atlas.ts';
export * from './fault.ts';
export * from './operator.ts';
export * from './parameter.ts';
export * from './touched.ts';

/** Most faults of a plan are of these kinds. A new kind in this list changes the plans of all seeds. */
export const commonFaults: readonly FaultKind[] = [
  ...networkFaults,
  ...connectionFaults,
  ...processFaults,
  ...clockFaults,
  ...diskFaults,
  ...operatorFaults,
  ...aimedFaults,
];

/**
 * Each of these kinds strikes at most once in an incident. Each kind has draws of its own. So a new kind in
 * this list does not change the times and the parameters of the other faults. It may change their ids, and
 * with the ids the details that these faults draw when they strike.
 */
export const rareFaults: readonly FaultKind[] = [
  failingDisk,
  lateCopy,
  lateFromDead,
  duplicateId,
  lateTimers,
  ...ioFaults,
  ...quorumStoreFaults,
  reusedName,
  clonedDisk,
  alterConfig,
  loweredMinIsr,
  deleteRecords,
  lowDisk,
];

/**
 * Each of these kinds strikes at most once in an incident, and acts only in some scenarios. Their ids come
 * after the ids of all other faults of the plan. So they change nothing in the other scenarios.
 */
export const scenarioFaults: readonly FaultKind[] = [alterCleanup];

/** All faults that a run may draw. */
export const faultKinds: readonly FaultKind[] = [...commonFaults, ...rareFaults, ...scenarioFaults];
