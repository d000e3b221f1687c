/** The summary of a run on a terminal: the verdict, the numbers, and what was broken. Pure. */
import type { ReportModel } from '../types.ts';
import { unavailabilityOf } from './unavailability.ts';

/** The summary lists at most this many anomalies; the report has all. */
const ANOMALIES_MAX = 8;

export function terminalText(model: ReportModel): string {
  const { verdict, totals, run, durationUs } = model;
  const lines = [verdict.sentence, ''];
  lines.push(`Scenario ${run.scenario} on ${run.target}, seed ${run.seed}, ${seconds(durationUs)} s.`, '');
  const rows = unavailabilityOf(model).map(({ kind, faults, medianMs, p99Ms, maxMs }) => [
    kind,
    String(faults),
    ...[medianMs, p99Ms, maxMs].map((ms) => `${ms.toFixed(0)} ms`),
  ]);
  if (rows.length > 0) {
    lines.push('Longest time without an acknowledgement, for each fault and writer:');
    lines.push(...table([['fault', 'times', 'median', 'p99', 'max'], ...rows]), '');
  }
  const clients = totals.map((one) => [
    one.client,
    ...[one.sent, one.acknowledged, one.failed, one.unknown, one.read].map((count) =>
      count.toLocaleString('en'),
    ),
  ]);
  lines.push(...table([['client', 'sent', 'acknowledged', 'failed', 'unknown', 'read'], ...clients]));
  const shown = verdict.anomalies.slice(0, ANOMALIES_MAX);
  if (shown.length > 0) lines.push('');
  for (const { name, sentence, allowedBecause } of shown)
    lines.push(
      allowedBecause === undefined
        ? `BROKEN  ${name}: ${sentence}`
        : `allowed ${name}: ${sentence} (${allowedBecause})`,
    );
  const more = verdict.anomalies.length - shown.length;
  if (more > 0) lines.push(`… and ${more} more in the report`);
  return lines.join('\n');
}

function seconds(us: number): string {
  return (us / 1e6).toFixed(0);
}

/** The first column is aligned left, the others right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
