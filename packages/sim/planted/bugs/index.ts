/**
 * The planted bugs: each replaces one line of the product's code by a wrong line. Only tests and tools use
 * them. `npm run sim:planted` keeps the order of this list.
 */
import type { PlantedBug } from '../patch.ts';
import { cleanupBugs } from './cleanup.ts';
import { clusterBugs } from './cluster.ts';
import { groupBugs } from './groups.ts';

export const bugs: readonly PlantedBug[] = [...clusterBugs, ...groupBugs, ...cleanupBugs];
