/**
 * Finds the line of a story at which the violation began, if the checker's sentence has enough facts. The
 * line says one of these things: a replica lost the record, a replica without the record began to lead or
 * joined the ISR, the leader was elected, or the broker was fenced.
 */
import type { StoryLine } from '../world/index.ts';

interface Told {
  readonly story: { readonly lines: readonly StoryLine[] };
  readonly checker: string | undefined;
  readonly sentence: string | undefined;
}

interface Fault {
  /** `events-1-0` */
  readonly place: string | undefined;
  /** The first offset that is lost, or that differs. */
  readonly offset: number | undefined;
  /** The time of the acknowledgement. */
  readonly ackedUs: number;
  /** The id of the broker that the sentence names first. */
  readonly broker: number | undefined;
  readonly epoch: number | undefined;
}

type Matcher = (line: StoryLine, fault: Fault) => boolean;

/** A replica lost the record, or a replica without the record began to lead. */
const lost: Matcher = ({ event, facts = {}, atUs }, { offset, ackedUs }) => {
  if (offset === undefined || atUs < ackedUs) return false;
  if (event === 'replica-truncated') return Number(facts['to']) <= offset && Number(facts['from']) > offset;
  return event === 'became-leader' && Number(facts['endOffset']) <= offset;
};

const elected: Matcher = ({ event, facts = {} }, { epoch }) =>
  event === 'became-leader' && (epoch === undefined || facts['leaderEpoch'] === epoch);

const fenced: Matcher = ({ event, facts = {} }, { broker }) =>
  event === 'broker-fenced' && facts['brokerId'] === broker;

/** A replica without the record joined the ISR, or `lost` matches. */
const joined: Matcher = (line, fault) => {
  const { event, facts = {} } = line;
  const isShort = event === 'isr-changed' && Number(facts['joinedAt']) < (fault.offset ?? 0);
  return isShort || lost(line, fault);
};

/** For each checker: which lines match, and whether the first or the last of them is the origin. */
const RULES: Readonly<Record<string, readonly [Matcher, 'first' | 'last']>> = {
  'lost-write': [lost, 'first'],
  unseen: [lost, 'first'],
  'replicas-differ': [lost, 'last'],
  'isr-lacks-data': [joined, 'last'],
  'two-leaders': [elected, 'last'],
  'unclean-election': [elected, 'last'],
  'leader-not-active': [elected, 'last'],
  'zombie-leader': [fenced, 'last'],
  'writes-unavailable': [elected, 'last'],
};

/**
 * The line at which the violation began. Undefined: there is no rule for the checker, or no line of the story
 * matches the rule.
 */
export function originOf({ story, checker, sentence }: Told): StoryLine | undefined {
  const rule = RULES[checker ?? ''];
  if (rule === undefined || sentence === undefined) return undefined;
  const [matches, which] = rule;
  const fault = faultOf(sentence);
  const isHere = ({ facts = {} }: StoryLine) =>
    fault.place === undefined ||
    facts['partition'] === undefined ||
    `${String(facts['topic'])}-${String(facts['partition'])}` === fault.place;
  const found = story.lines.filter((line) => isHere(line) && matches(line, fault));
  return which === 'first' ? found[0] : found.at(-1);
}

function faultOf(sentence: string): Fault {
  const number = (pattern: RegExp) => {
    const text = pattern.exec(sentence)?.[1];
    return text === undefined ? undefined : Number(text);
  };
  return {
    place: /\b([\w.]+-\d+-\d+)\b|\b(t-\d+)\b/.exec(sentence)?.[0],
    offset: number(/ends at (\d+)/) ?? number(/\bat (\d+)(?![\d.])/),
    ackedUs: Math.floor((number(/\bat (\d+\.\d+) s\b/) ?? 0) * 1e6),
    broker: number(/\b(?:broker |b|n)(\d+)\b/),
    epoch: number(/epoch (\d+)/),
  };
}
