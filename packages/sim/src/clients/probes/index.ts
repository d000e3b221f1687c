/** All probes. */
import { describeProbes } from './describe.ts';
import { fetchProbes } from './fetch.ts';
import { lookupProbes } from './lookups.ts';
import type { Probe } from './probe.ts';
import { produceProbes } from './produce.ts';
import { producerStateProbes } from './producer-state.ts';
import { rawProbes } from './raw.ts';
import { topicProbes } from './topics.ts';

export type { Probe, ProbeTools } from './probe.ts';
export { recordProbes } from './records.ts';

export const probes: readonly Probe[] = [
  ...produceProbes,
  ...producerStateProbes,
  ...fetchProbes,
  ...lookupProbes,
  ...topicProbes,
  ...describeProbes,
  ...rawProbes,
];
