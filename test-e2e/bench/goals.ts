/** Collects measured values, and judges the median of each measure by its goal. */
import { median, table } from '../lib/table.ts';

export interface Measure {
  /** Identifies the measure: each round uses the same title. */
  readonly title: string;
  readonly unit: string;
  /** The goal: the median must not be smaller, or not be larger. No goal: only shown. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

export class Goals {
  readonly #entries = new Map<string, { readonly measure: Measure; readonly values: number[] }>();

  add(measure: Measure, value: number): void {
    const entry = this.#entries.get(measure.title) ?? { measure, values: [] };
    this.#entries.set(measure.title, entry);
    entry.values.push(value);
  }

  /** The table for readers, and the titles of the measures that miss their goals. */
  summary(): { readonly text: string; readonly missed: string[] } {
    const missed: string[] = [];
    const rows = [...this.#entries.values()].map(({ measure, values }) => {
      const verdict = verdictOf(measure, median(values));
      if (verdict === 'NO') missed.push(measure.title);
      const numbers = [median(values), Math.min(...values), Math.max(...values)].map(shown);
      return [measure.title, measure.unit, ...numbers, goalText(measure), verdict, String(values.length)];
    });
    const head = ['measure', 'unit', 'median', 'least', 'most', 'goal', 'reached', 'rounds'];
    return { text: table(head, rows), missed };
  }
}

function verdictOf({ atLeast, atMost }: Measure, value: number): 'yes' | 'NO' | '-' {
  if (atLeast === undefined && atMost === undefined) return '-';
  const isReached = value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
  return isReached ? 'yes' : 'NO';
}

function goalText({ atLeast, atMost }: Measure): string {
  if (atLeast !== undefined) return `>= ${atLeast}`;
  return atMost === undefined ? '-' : `<= ${atMost}`;
}

function shown(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/**
 * The smallest of the values that this share of them does not exceed. NaN if there is no value. `share`:
 * above 0, at most 1.
 */
export function percentileOf(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  // Without the rounding, 0.999 * 1000 may be slightly more than 999.
  const rank = Math.ceil(Number((sorted.length * share).toFixed(6)));
  return sorted[rank - 1] ?? Number.NaN;
}
