/**
 * The story of a run as text. Each line has a time, an actor and an event in words. The last lines have the
 * violation, and what the nodes and partitions wait for.
 */
import type { EventName } from '@millrace/base';
import { faultsOf } from '../plan/index.ts';
import type { RunReport } from '../run/index.ts';
import { type Micros, SECOND, type StoryLine } from '../world/index.ts';
import { clientLines, type TextLine } from './client-lines.ts';
import { originOf } from './origin.ts';
import { asItIs, FAULT_MARK, type Facts, phraseOf, placeOf } from './phrases.ts';

export interface StoryOptions {
  /** Prints every log line, even routine lines and repetitions. */
  readonly verbose?: boolean | undefined;
}

type Told = Pick<
  RunReport,
  'story' | 'history' | 'scenario' | 'plan' | 'virtualUs' | 'checker' | 'sentence'
> &
  Partial<Pick<RunReport, 'waiting'>>;

/** A line that the same actor repeats within this time is not printed again. */
const REPEAT_US = 2 * SECOND;
/** A line that came at least this often is printed with the number of times. */
const COUNTED_MIN = 3;
/** Stands before the line at which the violation began. */
const ARROW = '→';

export function storyText(report: Told, options: StoryOptions = {}): string {
  return storyLines(report, options).join('\n');
}

export function storyLines(report: Told, { verbose = false }: StoryOptions = {}): string[] {
  const told = verbose ? report.story.lines.map(plainly) : inWords(report.story.lines);
  const origin = originOf(report);
  const lines = merge(told, clientLines(report.history.ops, report.virtualUs)).map((line) =>
    lineText(line, origin !== undefined && line.source?.includes(origin) === true),
  );
  if (report.sentence !== undefined) {
    const what = `!!! ${report.checker}: ${report.sentence}`;
    lines.push(lineText({ atUs: report.virtualUs, who: 'world', text: what }));
    for (const text of report.waiting ?? [])
      lines.push(lineText({ atUs: report.virtualUs, who: 'world', text: `    ${text}` }));
  }
  return [beginning(report), ...lines];
}

function beginning({ scenario, plan }: Told): string {
  const { cluster, topics } = scenario;
  const nodes = cluster.combined
    ? `${cluster.controllers} of ${Math.max(cluster.brokers, cluster.controllers)} brokers are controllers too`
    : `${cluster.controllers} controllers, ${cluster.brokers} brokers`;
  const described = topics.map(({ name, partitions, replicationFactor, configs }) => {
    const set = Object.entries(configs).map(([key, value]) => `, ${key}=${value}`);
    return `${name}: ${partitions} x ${replicationFactor}${set.join('')}`;
  });
  const [incidents, faults] = [plan.incidents.length, faultsOf(plan).length];
  const planned = `${faults} faults planned in ${incidents} ${incidents === 1 ? 'incident' : 'incidents'}`;
  return `${nodes}; ${described.join('; ')}; ${planned}`;
}

function plainly(line: StoryLine): TextLine {
  const { atUs, who, event, facts } = line;
  return { atUs, who, text: asItIs(event, facts ?? {}), source: [line] };
}

function inWords(lines: readonly StoryLine[]): TextLine[] {
  const names = new Map<number, string>();
  for (const { who } of lines) {
    const id = /^[bcn](\d+)$/.exec(who)?.[1];
    if (id !== undefined) names.set(Number(id), who);
  }
  const node = (id: unknown) => names.get(Number(id)) ?? (Number(id) < 0 ? 'nobody' : String(id));
  const lastSaid = new Map<string, Repeated>();
  const all: Repeated[] = [];
  const told = together(lines).flatMap(({ atUs, who, event, facts, places, source }): TextLine[] => {
    const text = phraseOf(event, { facts, node, places });
    if (text === undefined) return [];
    const key = `${who} ${text}`;
    const before = lastSaid.get(key);
    if (before !== undefined && atUs - before.lastUs < REPEAT_US) {
      before.lastUs = atUs;
      before.times++;
      return [];
    }
    const line = { atUs, who, text, source };
    const said = { line, text, times: 1, lastUs: atUs };
    lastSaid.set(key, said);
    all.push(said);
    return [line];
  });
  for (const { line, text, times, lastUs } of all)
    if (times >= COUNTED_MIN)
      line.text = `${text} (${times} times in ${((lastUs - line.atUs) / SECOND).toFixed(1)} s)`;
  return told;
}

/** A line that the story prints once, with the number of its repetitions. */
interface Repeated {
  readonly line: { readonly atUs: Micros; text: string };
  readonly text: string;
  times: number;
  lastUs: Micros;
}

type Together = StoryLine & {
  readonly facts: Facts;
  readonly places: string[];
  readonly source: StoryLine[];
};

/**
 * For each event: the facts that may differ between partitions, with the value that stands for all of their
 * values. If two such events differ in no other fact, the story joins them into one line.
 */
const APART: Readonly<Record<string, Facts>> = {
  // If a replica joins the ISR, the event also has the fact `joinedAt`, the log end offset of this replica.
  // Events with different values of `joinedAt` stay separate lines.
  'isr-changed': { leaderEpoch: 0, startOffset: 0 },
  'log-write-failed': { directory: '', reason: '' },
} satisfies { [Name in EventName]?: Facts };

/** Joins equal events of several partitions in one turn into one line. */
function together(lines: readonly StoryLine[]): Together[] {
  const told: Together[] = [];
  let lastKey = '';
  for (const one of lines) {
    const { atUs, who, event, facts = {} } = one;
    const place = placeOf(facts);
    const key = `${atUs} ${who} ${asItIs(event, { ...facts, ...APART[event], partition: 0, topic: '' })}`;
    if (place !== undefined && key === lastKey) {
      told.at(-1)!.places.push(place);
      told.at(-1)!.source.push(one);
    } else {
      const places = place === undefined ? [] : [place];
      told.push({ atUs, who, event, facts, places, source: [one] });
    }
    lastKey = key;
  }
  return told;
}

/** Merges the lines in the order of their times. At the same time, a fault comes before its effects. */
function merge(first: readonly TextLine[], second: readonly TextLine[]): TextLine[] {
  const rank = ({ text }: TextLine) => (text.startsWith(FAULT_MARK) ? 0 : 1);
  return [...first, ...second].sort((a, b) => a.atUs - b.atUs || rank(a) - rank(b));
}

function lineText({ atUs, who, text }: TextLine, isOrigin = false): string {
  const mark = isOrigin ? ARROW : ' ';
  return `${(atUs / SECOND).toFixed(3).padStart(7)} ${mark}${who.padEnd(5)} ${text}`;
}
