/**
 * Turns a history into everything that the report shows, in one pass. The memory that this needs depends on
 * the length of the run and on the number of changes of the cluster, not on the number of operations.
 */
import type { Micros, SendOp } from '@millrace/checkers';
import type {
  ClusterSample,
  FaultFact,
  FaultGap,
  HistoryLine,
  ReportModel,
  RunFact,
  Verdict,
} from '../types.ts';

const STEP_US = 1_000_000;

type Totals = ReportModel['totals'][number];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The lines are those of a history file. `verdict`: what the checkers found. */
export async function modelOf(lines: AsyncIterable<HistoryLine>, verdict: Verdict): Promise<ReportModel> {
  const maker = new ModelMaker();
  for await (const line of lines) maker.add(line);
  return maker.model(verdict);
}

class ModelMaker {
  private run: RunFact | undefined;
  private durationUs: Micros = 0;
  private isComplete = false;
  private readonly faults: Mutable<FaultFact>[] = [];
  private readonly gaps = new Gaps();
  private readonly totals = new Map<string, Mutable<Totals>>();
  private readonly samples: ClusterSample[] = [];
  private readonly series = new Series();

  add(line: HistoryLine): void {
    switch (line.line) {
      case 'run': {
        const { line: _, ...run } = line;
        this.run = run;
        for (const { name } of run.clients) this.totalsOf(name);
        break;
      }
      case 'op':
        if (line.op.type === 'send') this.sent(line.op);
        else if (line.op.type === 'poll') this.totalsOf(line.op.client).read += line.op.records.length;
        this.durationUs = Math.max(this.durationUs, line.op.endedUs);
        break;
      case 'fault-begins': {
        const { line: _, ...fault } = line;
        this.faults.push({ ...fault, toUs: undefined });
        this.gaps.faultBegins(line.id, line.fromUs);
        break;
      }
      case 'fault-ends': {
        const fault = this.faults.find(({ id }) => id === line.id);
        if (fault !== undefined) fault.toUs = line.toUs;
        break;
      }
      case 'sample': {
        const { line: _, ...sample } = line;
        this.samples.push(sample);
        break;
      }
      case 'end':
        this.isComplete = line.isComplete;
        this.durationUs = Math.max(this.durationUs, line.atUs);
        break;
      default:
    }
  }

  private sent(op: SendOp): void {
    const totals = this.totalsOf(op.client);
    const count = op.values.length;
    totals.sent += count;
    if (op.outcome === 'ok') {
      totals.acknowledged += count;
      this.gaps.acknowledged(op.client, op.endedUs);
    } else if (op.outcome === 'fail') totals.failed += count;
    else totals.unknown += count;
    this.series.sent(op);
  }

  private totalsOf(client: string): Mutable<Totals> {
    let found = this.totals.get(client);
    if (found === undefined) {
      found = { client, sent: 0, acknowledged: 0, failed: 0, unknown: 0, read: 0 };
      this.totals.set(client, found);
    }
    return found;
  }

  model(verdict: Verdict): ReportModel {
    if (this.run === undefined) throw new Error('the history has no first line');
    return {
      run: this.run,
      durationUs: this.durationUs,
      isComplete: this.isComplete,
      verdict,
      faults: this.faults,
      gaps: this.gaps.list,
      totals: [...this.totals.values()],
      samples: this.samples,
      series: this.series.done(this.durationUs),
    };
  }
}

/**
 * For each fault and each writer, the longest time between two acknowledgements from the beginning of the
 * fault to the beginning of the next one. So it also counts the recovery after the fault.
 */
class Gaps {
  readonly list: Mutable<FaultGap>[] = [];
  private faultId: number | undefined;
  private fromUs: Micros = 0;
  private readonly lastAckUs = new Map<string, Micros>();
  private current = new Map<string, Mutable<FaultGap>>();

  faultBegins(id: number, fromUs: Micros): void {
    this.faultId = id;
    this.fromUs = fromUs;
    this.current = new Map();
  }

  acknowledged(client: string, atUs: Micros): void {
    const beforeUs = this.lastAckUs.get(client) ?? atUs;
    this.lastAckUs.set(client, Math.max(beforeUs, atUs));
    if (this.faultId === undefined || atUs < this.fromUs) return;
    const gapMs = (atUs - beforeUs) / 1000;
    const known = this.current.get(client);
    if (known !== undefined) known.gapMs = Math.max(known.gapMs, gapMs);
    else {
      const gap = { faultId: this.faultId, client, gapMs };
      this.current.set(client, gap);
      this.list.push(gap);
    }
  }
}

/** The numbers of each second. */
class Series {
  private readonly acknowledged = new Map<string, number[]>();
  private readonly latencies: number[][] = [];
  private readonly failed: number[] = [];

  sent({ client, outcome, values, invokedUs, endedUs }: SendOp): void {
    const step = Math.floor(endedUs / STEP_US);
    if (outcome !== 'ok') {
      this.failed[step] = (this.failed[step] ?? 0) + 1;
      return;
    }
    const counts = this.acknowledged.get(client) ?? [];
    this.acknowledged.set(client, counts);
    counts[step] = (counts[step] ?? 0) + values.length;
    const latencies = this.latencies[step] ?? [];
    this.latencies[step] = latencies;
    latencies.push((endedUs - invokedUs) / 1000);
  }

  done(durationUs: Micros): ReportModel['series'] {
    const steps = Math.ceil(durationUs / STEP_US);
    const filled = (values: readonly number[]) =>
      Array.from({ length: steps }, (_, step) => values[step] ?? 0);
    const share = (wanted: number) =>
      Array.from({ length: steps }, (_, step) => quantile(this.latencies[step] ?? [], wanted));
    return {
      stepUs: STEP_US,
      acknowledged: Object.fromEntries(
        [...this.acknowledged].map(([name, counts]) => [name, filled(counts)]),
      ),
      latencyMedianMs: share(0.5),
      latencyP99Ms: share(0.99),
      failed: filled(this.failed),
    };
  }
}

/** The nearest-rank quantile; null: there is no value. */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}
