/** Injects the faults of a scenario. */
import type { FaultKind } from '../scenario/kinds.ts';
import type { FaultPlan } from '../scenario/types.ts';
import type { ActiveFault, FaultContext } from './fault.ts';
import { flap, isolate, oneWay, slow } from './network.ts';
import { crash, pause, stop } from './processes.ts';
import { type Victims, victimsOf } from './victims.ts';

export type { ActiveFault, FaultCluster, FaultContext } from './fault.ts';

type Inject = (victims: Victims, context: FaultContext) => Promise<ActiveFault>;

const injectors: Readonly<Record<FaultKind, Inject>> = {
  crash,
  pause,
  stop,
  isolate,
  'one-way': oneWay,
  'slow-link': slow,
  flap,
};

/** Undefined: no node has the role of the victim now. */
export async function inject(
  { fault, victim }: FaultPlan,
  context: FaultContext,
): Promise<ActiveFault | undefined> {
  const victims = await victimsOf(victim, context);
  return victims === undefined ? undefined : await injectors[fault](victims, context);
}
