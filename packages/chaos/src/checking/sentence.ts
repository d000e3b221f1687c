/** The verdict in a sentence. */
import type { Anomaly } from '../types.ts';
import type { Survey } from './survey.ts';

export function verdictSentence(surveyed: Survey, anomalies: readonly Anomaly[]): string {
  const { end, acknowledged } = surveyed;
  const forbidden = anomalies.filter(({ allowedBecause }) => allowedBecause === undefined);
  const allowed = anomalies.filter(({ allowedBecause }) => allowedBecause !== undefined);
  const parts = [mainPart(surveyed, forbidden)];
  if (allowed.length > 0) parts.push(`The settings allow what else happened: ${listOf(allowed)}.`);
  if (end === undefined)
    parts.push('The command was killed, so the history has no final read: records may be lost all the same.');
  else if (!end.isComplete)
    parts.push('The run was interrupted before the final read: records may be lost all the same.');
  else if (acknowledged === 0 && forbidden.length > 0) parts.push('No record was acknowledged.');
  return parts.join(' ');
}

function mainPart(surveyed: Survey, forbidden: readonly Anomaly[]): string {
  const { acknowledged, readBack, faults, end } = surveyed;
  if (forbidden.length > 0) {
    const kinds = new Set(forbidden.map(({ name }) => name)).size;
    return `${kinds === 1 ? 'A promise was' : `${kinds} promises were`} broken: ${listOf(forbidden)}.`;
  }
  if (end?.isComplete === true && acknowledged === 0)
    return `No record was acknowledged, so the run shows nothing; ${amount(faults, 'fault')}.`;
  const read = end?.isComplete === true ? `, ${number(readBack)} read back` : '';
  return `No promise was broken: ${amount(acknowledged, 'record')} acknowledged${read}, ${amount(faults, 'fault')}.`;
}

/** `lost-write (3), duplicate`. */
function listOf(anomalies: readonly Anomaly[]): string {
  return [...Map.groupBy(anomalies, ({ name }) => name)]
    .map(([name, ones]) => (ones.length === 1 ? name : `${name} (${ones.length})`))
    .join(', ');
}

function amount(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`;
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}
