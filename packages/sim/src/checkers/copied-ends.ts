/**
 * For each replica and offset: when the log of the replica grew beyond the offset. At this time the replica
 * took the record at the offset. After a truncation, records above the new end come into the log again at a
 * later time, and the later time counts. A restart changes no time of a record that the disk keeps.
 */
import type { Offset } from '@millrace/base';
import type { Partition } from '@millrace/replication';
import type { Micros } from '../world/index.ts';
import type { HostedReplica } from './replica-walk.ts';

type Hosted = Pick<HostedReplica, 'node' | 'replica'>;

/** The time of records that are in a log when the checker first sees the log. */
const LONG_AGO_US: Micros = -1;

interface Step {
  readonly end: Offset;
  readonly atUs: Micros;
}

export class CopiedEnds {
  /** By node and partition. `end` and `atUs` ascend. */
  private readonly steps = new Map<string, Step[]>();
  /** Caches the list of each replica, which saves building the key of `steps`. */
  private readonly byReplica = new Map<Partition, Step[]>();

  moved(hosted: HostedReplica, nowUs: Micros): void {
    const { replica, before } = hosted;
    const { endOffset } = replica.log;
    const isOpened = before.startOffset < 0;
    if (!isOpened && endOffset === before.endOffset) return;
    const steps = this.of(hosted);
    let cut: Step | undefined;
    while (steps.length > 0 && steps.at(-1)!.end > endOffset) cut = steps.pop();
    if (endOffset <= (steps.at(-1)?.end ?? 0)) return;
    // A process may die in the turn in which it appends. Then the checker has not seen the append, and the
    // next process opens a longer log: the time of the opening counts. Only a log that the checker has never
    // seen counts as old.
    const isUnseen = isOpened && steps.length === 0;
    steps.push({ end: endOffset, atUs: cut?.atUs ?? (isUnseen ? LONG_AGO_US : nowUs) });
  }

  closed({ replica }: HostedReplica): void {
    this.byReplica.delete(replica);
  }

  /** When the log grew beyond the offset. Undefined: the checker has seen no such growth. */
  passedUs(hosted: Hosted, offset: Offset): Micros | undefined {
    return this.of(hosted).find(({ end }) => end > offset)?.atUs;
  }

  private of({ node, replica }: Hosted): Step[] {
    let steps = this.byReplica.get(replica);
    if (steps !== undefined) return steps;
    const key = `${node.name} ${replica.topicId}-${replica.index}`;
    steps = this.steps.get(key) ?? [];
    this.steps.set(key, steps);
    this.byReplica.set(replica, steps);
    return steps;
  }
}
