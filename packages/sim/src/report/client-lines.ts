/** The clients' part of the story: a line for every second in which clients sent or read. */
import type { Op, SendOp } from '@millrace/checkers';
import { type Micros, SECOND, type StoryLine } from '../world/index.ts';

export interface TextLine {
  readonly atUs: Micros;
  readonly who: string;
  readonly text: string;
  /** The events from which the line was made; undefined for the lines of clients. */
  readonly source?: readonly StoryLine[];
}

interface Doings {
  acked: number;
  failed: number;
  unknown: number;
  read: number;
  /** `events-1-0` → the last offset acknowledged or read. */
  readonly upTo: Map<string, number>;
  /** The error of the client's last batch in this second that failed or has an unknown outcome. */
  error: string | undefined;
}

/**
 * Returns a line for the end of each second, for example `p1: 12 acked, events-1-0 up to 431; q1: 30 read,
 * …`. Requests of administrators, and positions that consumers look up, have lines of their own.
 */
export function clientLines(ops: readonly Op[], endUs: Micros): TextLine[] {
  const lines: TextLine[] = [];
  let second = -1;
  let doings = new Map<string, Doings>();
  const stuck = new Stuck();
  const flush = () => {
    const atUs = Math.min((second + 1) * SECOND - 1, endUs);
    const working = new Map([...doings].filter(([client, one]) => !stuck.takes(client, one, second)));
    for (const text of stuck.over(second)) lines.push({ atUs, who: 'all', text });
    if (working.size > 0) lines.push({ atUs, who: 'all', text: textOf(working) });
    doings = new Map();
  };
  for (const op of ops) {
    const now = Math.floor(op.endedUs / SECOND);
    if (now !== second) {
      flush();
      second = now;
    }
    if (op.type === 'admin') {
      const error = op.error === undefined ? '' : ` (${op.error})`;
      lines.push({ atUs: op.endedUs, who: op.client, text: `${op.api} ${op.topic}: ${op.outcome}${error}` });
    } else if (op.type === 'delete-records') {
      const { offset, outcome, error = `low watermark ${op.lowWatermark}` } = op;
      const upTo = offset < 0 ? 'the high watermark' : `${offset}`;
      const text = `DeleteRecords ${op.topic}-${op.partition} below ${upTo}: ${outcome} (${error})`;
      lines.push({ atUs: op.endedUs, who: op.client, text });
    } else if (op.type === 'assign') {
      const text = `reads ${op.topic}-${op.partition} from ${op.offset} (${op.why})`;
      lines.push({ atUs: op.endedUs, who: op.client, text });
    } else if (op.type === 'send') sent(doingsOf(doings, op.client), op);
    else if (op.type === 'poll' && op.records.length > 0) {
      const one = doingsOf(doings, op.client);
      one.read += op.records.length;
      one.upTo.set(`${op.topic}-${op.partition}`, op.records.at(-1)!.offset);
    }
  }
  flush();
  for (const text of stuck.over(Number.POSITIVE_INFINITY)) lines.push({ atUs: endUs, who: 'all', text });
  return lines;
}

interface Failures {
  readonly error: string;
  readonly from: number;
  last: number;
  records: number;
}

/**
 * If a client gets the same error and nothing else for some seconds, the story has one line for all these
 * seconds, when they are over.
 */
class Stuck {
  private readonly byClient = new Map<string, Failures>();

  /** Whether the client was stuck in this second. If so, `over` returns its line later. */
  takes(client: string, { acked, read, failed, unknown, error }: Doings, second: number): boolean {
    if (acked + read > 0 || error === undefined) return false;
    const known = this.byClient.get(client);
    if (known !== undefined && known.error !== error) return false;
    const failures = known ?? { error, from: second, last: second, records: 0 };
    failures.last = second;
    failures.records += failed + unknown;
    this.byClient.set(client, failures);
    return true;
  }

  /**
   * The lines of the clients that are no longer stuck: those whose last second without success lies before
   * this second.
   */
  over(second: number): string[] {
    const texts: string[] = [];
    for (const [client, { error, from, last, records }] of [...this.byClient]) {
      if (last >= second) continue;
      this.byClient.delete(client);
      const seconds = last - from + 1;
      texts.push(
        seconds === 1
          ? `${client}: ${records} records without success (${error})`
          : `${client}: ${records} records without success for ${seconds} s (${error})`,
      );
    }
    return texts;
  }
}

function sent(one: Doings, op: SendOp): void {
  const records = op.values.length;
  if (op.outcome === 'ok') {
    one.acked += records;
    if (op.baseOffset === undefined) return;
    const place = `${op.topic}-${op.partition}`;
    one.upTo.set(place, Math.max(one.upTo.get(place) ?? -1, op.baseOffset + records - 1));
    return;
  }
  if (op.outcome === 'fail') one.failed += records;
  else one.unknown += records;
  one.error = op.error;
}

function doingsOf(all: Map<string, Doings>, client: string): Doings {
  let one = all.get(client);
  if (one === undefined) {
    one = { acked: 0, failed: 0, unknown: 0, read: 0, upTo: new Map(), error: undefined };
    all.set(client, one);
  }
  return one;
}

function textOf(doings: ReadonlyMap<string, Doings>): string {
  return [...doings]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([client, { acked, failed, unknown, read, upTo, error }]) => {
      const counted = [
        [acked, 'acked'],
        [read, 'read'],
        [failed, 'failed'],
        [unknown, 'unknown'],
      ] as const;
      const parts = counted.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
      if (error !== undefined) parts.push(`(${error})`);
      const places = [...upTo].sort(([a], [b]) => (a < b ? -1 : 1));
      const reached = places.map(([place, offset]) => `${place} up to ${offset}`).join(', ');
      return `${client}: ${parts.join(' ')}${reached === '' ? '' : `, ${reached}`}`;
    })
    .join('; ');
}
