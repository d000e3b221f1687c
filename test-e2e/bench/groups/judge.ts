/**
 * Collects the values that `bench:groups` measures, and judges them by medians, by ratios to the peer (Apache
 * Kafka), and by limits.
 */
import { median, table } from '../../lib/table.ts';

/** Each judged ratio to Apache Kafka must be at least this. */
export const GOAL_RATIO = 1.5;

export interface Measure {
  /** Identifies the measure: every run of both contenders uses the same title. */
  readonly title: string;
  readonly unit: string;
  readonly value: number;
  readonly better: 'lower' | 'higher';
  /** Whether the ratio to the peer must reach `GOAL_RATIO`. */
  readonly isJudged?: boolean;
  /** The largest value that Millrace may have. The peer's value does not matter for this limit. */
  readonly limit?: number;
}

/** The values of one measure: Millrace's, then the peer's. */
interface Entry {
  readonly measure: Measure;
  readonly values: readonly [number[], number[]];
}

export class Judgement {
  readonly #entries = new Map<string, Entry>();

  /** `contender`: 0 for Millrace, 1 for the peer. */
  add(contender: 0 | 1, measure: Measure): void {
    const entry = this.#entries.get(measure.title) ?? { measure, values: [[], []] };
    this.#entries.set(measure.title, entry);
    entry.values[contender].push(measure.value);
  }

  /** The table for readers, and the titles of the measures that miss their goal. */
  summary(names: readonly [string, string]): { text: string; missed: string[] } {
    const missed: string[] = [];
    const rows = [...this.#entries.values()].map(({ measure, values }) => {
      const medians = values.map((list) => (list.length === 0 ? undefined : median(list)));
      const [ours, peers] = medians;
      const ratio = ratioOf(measure, ours, peers);
      const verdict = verdictOf(measure, ours, peers, ratio);
      if (verdict === 'NO') missed.push(measure.title);
      return [
        measure.title,
        measure.unit,
        ...medians.map(shown),
        ratio === undefined ? '-' : ratio.toFixed(2),
        goalText(measure),
        verdict,
        values.map((list) => list.length).join('/'),
      ];
    });
    return {
      text: table(['measure', 'unit', ...names, 'ratio', 'goal', 'reached', 'runs'], rows),
      missed,
    };
  }
}

/**
 * How many times better `ours` is than `peers`. Undefined if one of them is unknown, or the divisor is zero.
 */
export function ratioOf(
  { better }: Pick<Measure, 'better'>,
  ours: number | undefined,
  peers: number | undefined,
): number | undefined {
  if (ours === undefined || peers === undefined) return undefined;
  const ratio = better === 'higher' ? ours / peers : peers / ours;
  return Number.isFinite(ratio) ? ratio : undefined;
}

function verdictOf(
  { isJudged, limit }: Measure,
  ours: number | undefined,
  peers: number | undefined,
  ratio: number | undefined,
): 'yes' | 'NO' | '-' {
  const hasRatio = isJudged === true && peers !== undefined;
  if (ours === undefined || (limit === undefined && !hasRatio)) return '-';
  if (limit !== undefined && !(ours <= limit)) return 'NO';
  if (hasRatio && !(ratio !== undefined && ratio >= GOAL_RATIO)) return 'NO';
  return 'yes';
}

function goalText({ isJudged, limit }: Measure): string {
  const goals = [
    ...(limit === undefined ? [] : [`<= ${limit}`]),
    ...(isJudged === true ? [`>= ${GOAL_RATIO}x`] : []),
  ];
  return goals.length === 0 ? '-' : goals.join(', ');
}

function shown(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '-';
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
