/**
 * The report as one HTML file that needs nothing else: the styles, the plotting library and the data are in
 * it. The text is plain HTML, so it can be read without scripts, too. Pure, apart from reading the assets.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Op } from '@millrace/checkers';
import { readAsset } from '../assets.ts';
import type { Anomaly, ReportModel } from '../types.ts';
import { type Unavailability, unavailabilityOf } from './unavailability.ts';

const require = createRequire(import.meta.url);

export function htmlOf(model: ReportModel): string {
  const { run, verdict, durationUs } = model;
  const library = (name: string) => readFileSync(require.resolve(`uplot/dist/${name}`), 'utf8');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(`${run.scenario} on ${run.target}: ${verdict.isGood ? 'kept' : 'broke'} its promises`)}</title>
<style>${library('uPlot.min.css')}${readAsset('page/report.css')}</style>
</head>
<body>
<main>
<h1>${escaped(run.scenario)} on ${escaped(run.target)}</h1>
<p class="soft">${escaped(run.sentence)} ${escaped(run.startedAt.slice(0, 19).replace('T', ' '))} UTC, ${(durationUs / 1e6).toFixed(0)} s, seed ${run.seed}.</p>
<div class="verdict${verdict.isGood ? '' : ' bad'}">${escaped(verdict.sentence)}
<small>${model.isComplete ? 'Every acknowledged record was read back at the end and compared with the history of all clients.' : 'The run did not end as planned, so some checks could not judge it.'}</small></div>
${anomaliesOf(verdict.anomalies)}
<h2>What happened</h2>
<p class="soft">Time runs from left to right. Each lane is one thing that can change: which faults were active, whether each node ran, which node led. Colours stand for nodes; red is a stopped node or a missing leader, brown a frozen node. Point at a bar to read it; drag in a plot to zoom.</p>
<div class="card"><div id="lanes"></div><div id="plots"></div><p><button id="whole">Show the whole run</button></p></div>
<h2>How long writers waited</h2>
<p class="soft">For each fault and writer: the longest time between two acknowledgements, from the beginning of the fault to the next one. Each dot is one of them.</p>
<div class="card">${waitsOf(unavailabilityOf(model))}</div>
<h2>Clients</h2>
<div class="card">${clientsOf(model)}</div>
<h2>Faults</h2>
<div class="card">${faultsOf(model)}</div>
<h2>Run it again</h2>
<pre>${escaped(run.command)}</pre>
</main>
<script>${library('uPlot.iife.min.js')}</script>
<script>const model = ${inScript(model)};</script>
<script>${readAsset('page/report.js')}</script>
</body>
</html>
`;
}

function anomaliesOf(anomalies: readonly Anomaly[]): string {
  if (anomalies.length === 0) return '';
  const items = anomalies.map(({ name, promise, sentence, allowedBecause, around }) => {
    const isAllowed = allowedBecause !== undefined;
    const why = isAllowed ? ` Allowed: ${allowedBecause}.` : '';
    return `<div class="card anomaly${isAllowed ? ' allowed' : ''}"><strong>${escaped(name)}</strong>: ${escaped(sentence)}
<p class="soft">The promise: ${escaped(promise)}.${escaped(why)}</p>
<details><summary>The ${around.length} operations around it</summary><pre>${escaped(around.map(opText).join('\n'))}</pre></details></div>`;
  });
  return `<h2>Anomalies</h2>\n${items.join('\n')}`;
}

function waitsOf(rows: readonly Unavailability[]): string {
  if (rows.length === 0) return '<p>No fault was injected.</p>';
  const most = Math.max(1, ...rows.map(({ maxMs }) => maxMs));
  const head = ['fault', 'times', 'median', 'p99', 'longest', 'all of them'];
  const body = rows.map(({ kind, faults, medianMs, p99Ms, maxMs, allMs }) => {
    const numbers = [medianMs, p99Ms, maxMs].map((ms) => `<td>${duration(ms)}</td>`).join('');
    const dots = allMs
      .map((ms) => `<circle cx="${((ms / most) * 184 + 8).toFixed(1)}" cy="7" r="4"/>`)
      .join('');
    const strip = `<svg class="strip" viewBox="0 0 200 14" preserveAspectRatio="none">${dots}</svg>`;
    return `<tr><td>${escaped(kind)}</td><td>${faults}</td>${numbers}<td>${strip}</td></tr>`;
  });
  return tableOf(head, body);
}

function clientsOf({ run, totals }: ReportModel): string {
  const facts = new Map(run.clients.map((client) => [client.name, client]));
  const head = ['client', 'library', 'topic', 'acks', 'sent', 'acknowledged', 'failed', 'unknown', 'read'];
  const body = totals.map(({ client, sent, acknowledged, failed, unknown, read }) => {
    const { library = '', topic = '', acks } = facts.get(client) ?? {};
    const words = [library, topic, acks === undefined ? '' : acks === -1 ? 'all' : String(acks)];
    const counts = [sent, acknowledged, failed, unknown, read].map((count) => count.toLocaleString('en'));
    const cells = [...words, ...counts].map((cell) => `<td>${escaped(cell)}</td>`).join('');
    return `<tr><td>${escaped(client)}</td>${cells}</tr>`;
  });
  return tableOf(head, body);
}

function faultsOf({ faults, gaps }: ReportModel): string {
  const head = ['at', 'what', 'lasted', 'longest wait'];
  const body = faults.map(({ id, sentence, fromUs, toUs }) => {
    const waits = gaps.filter(({ faultId }) => faultId === id).map(({ gapMs }) => gapMs);
    const lasted = toUs === undefined ? '–' : duration((toUs - fromUs) / 1000);
    const wait = waits.length === 0 ? '–' : duration(Math.max(...waits));
    return `<tr><td>${(fromUs / 1e6).toFixed(0)} s</td><td class="wide">${escaped(sentence)}</td><td>${lasted}</td><td>${wait}</td></tr>`;
  });
  return tableOf(head, body);
}

function tableOf(head: readonly string[], rows: readonly string[]): string {
  const cells = head
    .map((name) => `<th${name === 'what' ? ' class="wide"' : ''}>${escaped(name)}</th>`)
    .join('');
  return `<table><thead><tr>${cells}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** One operation in one line, with its time first. */
function opText(op: Op): string {
  const at = `${(op.endedUs / 1e6).toFixed(3)} s`.padStart(10);
  const { type, client, ...facts } = op;
  return `${at}  ${client} ${type} ${JSON.stringify(facts)}`;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON in a script may not contain the end of the script, or of a comment. */
function inScript(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}
