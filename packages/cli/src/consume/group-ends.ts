/** Where `millrace consume --exit` ends in the partitions that its group assigns to it. */
import { OffsetAt, partitionName, type StartPosition, type TopicPartition } from '@millrace/client';
import type { Printer } from './printer.ts';

export interface GroupEndsOptions {
  readonly printer: Pick<Printer, 'endAt' | 'endsAwaited' | 'endsKnown'>;
  /** The offsets by `topic-partition`. */
  lookUp(places: readonly TopicPartition[], timestamp: number): Promise<ReadonlyMap<string, number>>;
}

export class GroupEnds {
  private readonly options: GroupEndsOptions;
  /** The offset of the next record, by the name of the partition; undefined: it has not been read yet. */
  private readonly owned = new Map<string, number | undefined>();
  private lookups = 0;

  constructor(options: GroupEndsOptions) {
    this.options = options;
  }

  /** Looks up where these partitions end, then tells the printer. It does not finish meanwhile. */
  async assigned(starts: readonly StartPosition[]): Promise<void> {
    const { printer, lookUp } = this.options;
    const places = starts.map(({ topic, partition }) => ({ topic, partition }));
    for (const place of places) this.owned.set(partitionName(place), undefined);
    this.lookups++;
    printer.endsAwaited();
    const first = await lookUp(places, OffsetAt.EARLIEST);
    const last = await lookUp(places, OffsetAt.LATEST);
    for (const { topic, partition, start } of starts) {
      const name = partitionName({ topic, partition });
      if (!this.owned.has(name)) continue;
      const begin = typeof start === 'number' ? start : (start === 'latest' ? last : first).get(name)!;
      printer.endAt({ topic, partition }, last.get(name)!, this.owned.get(name) ?? begin);
    }
    if (--this.lookups === 0) printer.endsKnown();
  }

  read(place: TopicPartition, position: number): void {
    this.owned.set(partitionName(place), position);
  }

  /** Call it after the printer has forgotten the partitions. */
  revoked(places: readonly TopicPartition[]): void {
    for (const place of places) this.owned.delete(partitionName(place));
    // A member without partitions may get some. One with partitions may be at the end of all of them now.
    if (this.owned.size > 0 && this.lookups === 0) this.options.printer.endsKnown();
  }
}
