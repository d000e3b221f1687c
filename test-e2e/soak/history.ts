/**
 * The soak's checker: compares the writers' acks with the contents of the log. Pure, so that a test can show
 * that it fails. Record n of a writer belongs to partition n % partitions.
 */

export interface WriterHistory {
  readonly name: string;
  /** By n: the acknowledged offset, -1 without an ack. */
  readonly acks: readonly number[];
}

export interface StoredRecord {
  readonly partition: number;
  readonly offset: number;
  /** Index in the list of writers; -1 for a record of none. */
  readonly writer: number;
  readonly n: number;
}

const MOST_COMPLAINTS = 8;

/** Empty when every acknowledged record is there once, at its offset, and each writer's order holds. */
export function checkHistory(
  writers: readonly WriterHistory[],
  stored: readonly StoredRecord[],
  partitions: number,
): string[] {
  const complaints: string[] = [];
  const complain = (text: string) => {
    if (complaints.length < MOST_COMPLAINTS) complaints.push(text);
  };
  const found = writers.map(({ acks }) => new Float64Array(acks.length).fill(-1));
  const previous = new Map<number, number>();
  for (const { partition, offset, writer, n } of stored) {
    const where = `partition ${partition} offset ${offset}`;
    const history = writers[writer];
    const places = found[writer];
    if (
      history === undefined ||
      places === undefined ||
      n >= history.acks.length ||
      n % partitions !== partition
    ) {
      complain(`${where}: a record that no writer sent there`);
      continue;
    }
    if (places[n] !== -1)
      complain(`${where}: ${history.name} ${n} is doubled, it is at offset ${places[n]} too`);
    places[n] = offset;
    const stream = writer * partitions + partition;
    const before = previous.get(stream) ?? -1;
    if (n <= before) complain(`${where}: ${history.name} ${n} comes after ${before}`);
    previous.set(stream, n);
  }
  writers.forEach(({ name, acks }, writer) => {
    acks.forEach((offset, n) => {
      const place = found[writer]?.[n] ?? -1;
      if (offset === -1 || place === offset) return;
      const told = `${name} ${n} was acknowledged at partition ${n % partitions} offset ${offset}`;
      complain(place === -1 ? `${told} and is lost` : `${told} and lies at ${place}`);
    });
  });
  return complaints;
}
