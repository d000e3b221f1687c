/** All probes. */
import { fetchProbes } from './fetch.ts';
import { lookupProbes } from './lookups.ts';
import type { Probe } from './probe.ts';
import { produceProbes } from './produce.ts';
import { producerStateProbes } from './producer-state.ts';
import { topicProbes } from './topics.ts';

export type { Probe, ProbeTools } from './probe.ts';

export const probes: readonly Probe[] = [
  ...produceProbes,
  ...producerStateProbes,
  ...fetchProbes,
  ...lookupProbes,
  ...topicProbes,
];
