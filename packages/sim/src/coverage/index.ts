/**
 * Lists the events that the seeds of `npm test` must reach. If the seeds reached fewer events, a passing test
 * would prove less than it seems to.
 */
import { type FaultKind, faultKinds } from '../faults/index.ts';
import { compaction } from './compaction.ts';
import { disks } from './disks.ts';
import { partitionElectionExemptions, partitionElections, quorumElections } from './elections.ts';
import { errorAreas, errorItems } from './errors.ts';
import { groupExemptions, groups } from './groups.ts';
import type { CoverageItem, Exemption } from './item.ts';
import { jobs } from './jobs.ts';
import { network } from './network.ts';
import { snapshots } from './snapshots.ts';
import { truncationExemptions, truncations } from './truncations.ts';

export { type ErrorArea, errorAreas } from './errors.ts';
export type { CoverageItem, Exemption } from './item.ts';

export interface CoverageArea {
  readonly name: string;
  readonly items: readonly CoverageItem[];
  readonly exempt: readonly Exemption[];
}

const faultItem = ({ name, sentence }: FaultKind): CoverageItem => ({
  name,
  sentence,
  keys: [`fault ${name}`],
});

const fixedAreas: readonly CoverageArea[] = [
  { name: 'fault', items: faultKinds.map(faultItem), exempt: [] },
  { name: 'partition election', items: partitionElections, exempt: partitionElectionExemptions },
  { name: 'quorum election', items: quorumElections, exempt: [] },
  { name: 'job', items: jobs, exempt: [] },
  { name: 'network', items: network, exempt: [] },
  { name: 'disk', items: disks, exempt: [] },
  { name: 'compaction', items: compaction, exempt: [] },
  { name: 'snapshot', items: snapshots, exempt: [] },
  { name: 'group', items: groups, exempt: groupExemptions },
  { name: 'truncation', items: truncations, exempt: truncationExemptions },
];

/** All areas. `errorCodes`: for each error area, by name: the codes that the product's code can return. */
export function coverageOf(errorCodes: Readonly<Record<string, readonly string[]>>): CoverageArea[] {
  const ofErrors = errorAreas.map((area) => ({
    name: area.name,
    items: errorItems(area, errorCodes[area.name]!),
    exempt: area.exempt,
  }));
  return [...fixedAreas, ...ofErrors];
}

export type Counts = ReadonlyMap<string, number>;

/** Number of times that the item happened, over all runs of these counts. */
export function timesReached({ keys }: CoverageItem, counts: Counts): number {
  return keys.reduce((sum, key) => sum + (counts.get(key) ?? 0), 0);
}

/** One line for each item that did not happen: `AREA NAME: SENTENCE (KEYS)`. */
export function missingCoverage(coverage: readonly CoverageArea[], counts: Counts): string[] {
  return coverage.flatMap(({ name, items }) =>
    items
      .filter((item) => timesReached(item, counts) === 0)
      .map((item) => `${name} ${item.name}: ${item.sentence} (${item.keys.join(', ')})`),
  );
}
