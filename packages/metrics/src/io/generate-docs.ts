/**
 * Makes docs/metrics.md from the table of metrics: `node packages/metrics/src/io/generate-docs.ts`. A test
 * checks that the committed file is what this makes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUCKETS_SECONDS } from '../metrics.ts';
import { type MetricDefinition, metricsTable } from '../table.ts';

export const documentPath: string = join(import.meta.dirname, '../../../../docs/metrics.md');

const HEAD = `# Metrics

<!-- Made by packages/metrics/src/io/generate-docs.ts from the table of metrics. Do not edit. -->

A node with \`health.port\` serves its metrics on \`/metrics\` of that port, in Prometheus's text format. Counters
and histograms cost an addition when something happens. Gauges are read at a scrape, never before.

Histograms have buckets up to ${BUCKETS_SECONDS.join(', ')} s.
A counter or a histogram with a label shows a label value once it has happened.
`;

const GROUPS: Record<MetricDefinition['of'], string> = {
  broker: '## Of a broker',
  controller: '## Of a controller',
  node: '## Of every node',
};

export function generateDocument(): string {
  const rows = Object.entries(metricsTable) as [string, MetricDefinition][];
  const sections = Object.entries(GROUPS).map(([of, title]) => {
    const own = rows.filter(([, definition]) => definition.of === of).map(row);
    return `\n${title}\n\n| metric | type | label | what it says |\n|---|---|---|---|\n${own.join('')}`;
  });
  return HEAD + sections.join('');
}

function row([name, { type, label, help }]: [string, MetricDefinition]): string {
  return `| \`${name}\` | ${type} | ${label === undefined ? '-' : `\`${label}\``} | ${help} |\n`;
}

if (import.meta.main) writeFileSync(documentPath, generateDocument());
