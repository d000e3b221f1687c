/**
 * The partitions of one topic that a member has, each with its assignment epoch. Immutable. Two arrays save
 * memory: a broker keeps such an object for each topic of each member, and a `Map` of ten partitions would
 * take half a kilobyte.
 */
export class PartitionEpochs implements ReadonlyMap<number, number> {
  /** Ascending. */
  private readonly partitions: readonly number[];
  /** One epoch if all partitions have the same; else the epoch of each partition. */
  private readonly epochs: number | readonly number[];

  /**
   * `epochs`: the epoch of all partitions, or of each: `epochs[i]` is the epoch of `partitions[i]`. If a
   * partition occurs twice, the last occurrence counts. Keeps an ascending list of partitions, so nobody may
   * change the list after this call.
   */
  constructor(partitions: readonly number[], epochs: number | readonly number[]) {
    if (isAscending(partitions)) {
      this.partitions = partitions;
      this.epochs = typeof epochs === 'number' ? epochs : compressed(epochs);
      return;
    }
    const epochAt = (at: number) => (typeof epochs === 'number' ? epochs : epochs[at]!);
    const byPartition = new Map(partitions.map((one, at) => [one, epochAt(at)]));
    this.partitions = [...byPartition.keys()].sort(ascending);
    this.epochs = compressed(this.partitions.map((one) => byPartition.get(one)!));
  }

  get size(): number {
    return this.partitions.length;
  }

  get(partition: number): number | undefined {
    const at = this.position(partition);
    return at < 0 ? undefined : this.epochAt(at);
  }

  has(partition: number): boolean {
    return this.position(partition) >= 0;
  }

  keys(): MapIterator<number> {
    return this.partitions.values();
  }

  *values(): MapIterator<number> {
    for (const [, epoch] of this) yield epoch;
  }

  *entries(): MapIterator<[number, number]> {
    for (const [at, partition] of this.partitions.entries()) yield [partition, this.epochAt(at)];
  }

  [Symbol.iterator](): MapIterator<[number, number]> {
    return this.entries();
  }

  forEach(visit: (epoch: number, partition: number, all: ReadonlyMap<number, number>) => void): void {
    for (const [partition, epoch] of this) visit(epoch, partition, this);
  }

  private epochAt(at: number): number {
    return typeof this.epochs === 'number' ? this.epochs : this.epochs[at]!;
  }

  /** The index of the partition in `partitions`. Negative: the partition is not in the list. */
  private position(partition: number): number {
    let low = 0;
    let high = this.partitions.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.partitions[middle]!;
      if (found === partition) return middle;
      if (found < partition) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}

function isAscending(partitions: readonly number[]): boolean {
  for (let at = 1; at < partitions.length; at++) if (partitions[at - 1]! >= partitions[at]!) return false;
  return true;
}

/** One number if all epochs are equal. */
function compressed(epochs: readonly number[]): number | readonly number[] {
  const [first] = epochs;
  if (first === undefined) return 0;
  for (const epoch of epochs) if (epoch !== first) return [...epochs];
  return first;
}

function ascending(a: number, b: number): number {
  return a - b;
}
