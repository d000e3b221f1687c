/**
 * For `millrace consume --exit` in a group: looks up the ends of the partitions that the group assigns to the
 * member, and passes them to the printer, which stops there.
 */
import { OffsetAt, partitionName, type StartPosition, type TopicPartition } from '@millrace/client';
import type { Printer } from './printer.ts';

export interface GroupEndsOptions {
  readonly printer: Pick<Printer, 'endAt' | 'endsAwaited' | 'endsKnown' | 'forget'>;
  /** Resolves with the offsets by `topic-partition`. */
  lookUp(places: readonly TopicPartition[], timestamp: number): Promise<ReadonlyMap<string, number>>;
}

/** One assignment of a partition. */
interface Owned {
  /** The offset of the next record; undefined: nothing has been read yet. */
  position: number | undefined;
}

export class GroupEnds {
  private readonly options: GroupEndsOptions;
  /** The current assignments by `topic-partition`. */
  private readonly owned = new Map<string, Owned>();
  private lookups = 0;

  constructor(options: GroupEndsOptions) {
    this.options = options;
  }

  /**
   * Call this when the group has assigned partitions. Makes the printer forget the ends that these partitions
   * had in earlier assignments, because the printer would drop the records after those ends. Then looks up
   * the current ends, and passes them to the printer. The printer does not finish before that.
   */
  async assigned(starts: readonly StartPosition[]): Promise<void> {
    const { printer, lookUp } = this.options;
    const places = starts.map(({ topic, partition }) => ({ topic, partition }));
    const assigned = new Map<string, Owned>();
    for (const place of places) {
      const owned: Owned = { position: undefined };
      assigned.set(partitionName(place), owned);
      this.owned.set(partitionName(place), owned);
      printer.forget(place);
    }
    this.lookups++;
    printer.endsAwaited();
    const first = await lookUp(places, OffsetAt.EARLIEST);
    const last = await lookUp(places, OffsetAt.LATEST);
    for (const { topic, partition, start } of starts) {
      const name = partitionName({ topic, partition });
      const owned = assigned.get(name)!;
      // Skips a partition that the group has revoked meanwhile, or for which a later assignment looks up the
      // end.
      if (this.owned.get(name) !== owned) continue;
      const begin = typeof start === 'number' ? start : (start === 'latest' ? last : first).get(name)!;
      printer.endAt({ topic, partition }, last.get(name)!, owned.position ?? begin);
    }
    if (--this.lookups === 0) printer.endsKnown();
  }

  read(place: TopicPartition, position: number): void {
    const owned = this.owned.get(partitionName(place));
    if (owned !== undefined) owned.position = position;
  }

  /** Call this when the group has revoked partitions, after the printer has forgotten them. */
  revoked(places: readonly TopicPartition[]): void {
    for (const place of places) this.owned.delete(partitionName(place));
    // If the member has no partitions left, the command does not end, because the member may get others. If
    // it has some left, it may have reached the ends of all of them, so the printer checks this.
    if (this.owned.size > 0 && this.lookups === 0) this.options.printer.endsKnown();
  }
}
