/** Faults of processes: a crash, a freeze, a clean stop. */
import type { ActiveFault, FaultContext } from './fault.ts';
import type { Victims } from './victims.ts';

export async function crash({ nodes, sentence }: Victims, { target }: FaultContext): Promise<ActiveFault> {
  await target.kill(nodes);
  return { sentence: `kill -9 of ${sentence}`, nodes, heal: () => target.start(nodes) };
}

export async function pause({ nodes, sentence }: Victims, { target }: FaultContext): Promise<ActiveFault> {
  await target.pause(nodes);
  return { sentence: `SIGSTOP of ${sentence}`, nodes, heal: () => target.resume(nodes) };
}

export async function stop({ nodes, sentence }: Victims, { target }: FaultContext): Promise<ActiveFault> {
  await target.stop(nodes);
  return { sentence: `clean stop of ${sentence}`, nodes, heal: () => target.start(nodes) };
}
