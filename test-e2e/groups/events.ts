/** Starts the members of a group, and causes an event in the group, for example a join or a kill. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Member } from './member.ts';
import type { GroupRun } from './run.ts';
import type { EventName } from './variants.ts';

/** The event `grow` extends the topic to this many partitions. */
export const GROWN_PARTITIONS = 15;

/** An event that has happened, with the facts that the judge needs. */
export interface Applied {
  readonly event: EventName;
  readonly fromMs: number;
  readonly settledMs: number;
  /** The time from the event to the last change of an assignment. */
  readonly tookMs: number;
  /** The members that the event itself starts, ends or pauses. */
  readonly struck: readonly Member[];
  /** Number of live members before the event. */
  readonly members: number;
}

export function startMembers(run: GroupRun, event: EventName | undefined): void {
  for (const id of [1, 2, 3]) run.start(event === 'static' ? `instance-${id}` : undefined);
}

/** Starts, stops, kills or pauses a member, as the event demands. Waits until the group has settled. */
export async function applyToMembers(
  run: GroupRun,
  event: Exclude<EventName, 'grow' | 'coordinator'>,
): Promise<Applied> {
  const fromMs = Date.now();
  const members = run.live.length;
  const struck = await strike(run, event);
  const tookMs = await run.settle(`after ${event}`, fromMs);
  return { event, fromMs, settledMs: Date.now(), tookMs, struck, members };
}

async function strike(run: GroupRun, event: Exclude<EventName, 'grow' | 'coordinator'>): Promise<Member[]> {
  const victim = run.live.at(-1)!;
  switch (event) {
    case 'join':
      return [run.start()];
    case 'leave':
      await victim.stop();
      return [victim];
    case 'kill':
      await victim.kill();
      return [victim];
    case 'pause':
      victim.pause();
      await run.settle('after the session of the paused member ended');
      await sleep(500);
      victim.resume();
      return [victim];
    case 'static': {
      // With the new protocol (KIP-848) the member must leave before it comes back. After a kill, the
      // coordinator keeps the killed member until its session ends, and meanwhile refuses another member with
      // the same instance id.
      if (run.variant.protocol === 'consumer') await victim.stop();
      else await victim.kill();
      return [victim, run.start(victim.settings.instance)];
    }
  }
}
