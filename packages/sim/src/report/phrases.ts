/**
 * Turns the log events of nodes and of the simulator into plain words. The sentences about the events of
 * nodes come from the table of events in `base`. If an event has no sentence, the story has its name and
 * facts, so that new events are visible.
 */
import { ACTORS, definitionOf, type EventDefinition, type EventName, type FactName } from '@millrace/base';

export type Facts = Readonly<Record<string, unknown>>;

/** The beginning of a fault's line. */
export const FAULT_MARK = '***';

export interface Speaker {
  readonly facts: Facts;
  /** The partitions of the event. */
  readonly places: readonly string[];
  /** Turns a node's id into its name, for example 4 into `b4`. */
  readonly node: (id: unknown) => string;
}

type Phrase = (speaker: Speaker) => string;

/** The simulator's own events. */
const OWN: Readonly<Record<string, Phrase | undefined>> = {
  'process-started': ({ facts }) =>
    facts['life'] === 1 ? 'starts' : `starts again (life ${String(facts['life'])})`,
  'process-asked-to-stop': () => 'is asked to stop',
  'process-ended': ({ facts }) =>
    ({ process: 'is killed', power: 'loses power' })[String(facts['death'])] ?? 'has ended',
  'process-gave-up': ({ facts }) => `gives up: ${facts['reason']}`,
  violated: undefined, // `storyLines` prints the violation last
  incident: ({ facts }) =>
    `— an incident begins: ${facts['faults']} faults planned within ${Number(facts['lastsMs']) / 1000} s —`,
  'faults-over': () => '— the faults are over; the simulator repairs everything —',
  'in-sync': () => '— everything is in sync —',
  finished: () => '— finished —',
};

/** The story omits these events, because they repeat another line or are routine. */
const NOISE: ReadonlySet<string> = new Set<EventName>([
  'listener-bound',
  'quorum-log-loaded',
  'fetcher-disconnected',
  'log-truncated',
  'connection-closed',
]);
/** Both the active controller and the broker log these events. The story shows only the controller's line. */
const ECHOED: ReadonlySet<string> = new Set<EventName>(['broker-registered', 'broker-unfenced']);
/**
 * For each event: the words of its sentence that the story prints in capitals, because a reader must not miss
 * them.
 */
const LOUD: Readonly<Record<string, string>> = {
  'broker-fenced': 'fences',
  'partitions-without-leader': 'no leader',
  'replica-truncated': 'truncates',
  'truncated-below-high-watermark': 'below',
} satisfies { [Name in EventName]?: string };
/** For each event: a fact that readers of a story need and that the sentence of the event lacks. */
const ALSO: Readonly<Record<string, FactName>> = {
  'became-leader': 'highWatermark',
} satisfies { [Name in EventName]?: FactName };
/** Facts that are ids of nodes. A number in a list is always a node's id. */
const NODES: ReadonlySet<string> = new Set<FactName>([
  'brokerId',
  'controllerId',
  'leader',
  'leaderId',
  'nodeId',
  'peerId',
  'previous',
]);
const ACTOR = new RegExp(`^(${ACTORS.join('|')}) `);

/** The sentence of the table without its actor, because the story line begins with the name of the node. */
function sentenceOf({ says }: EventDefinition, speaker: Speaker): string {
  return says
    .replace(ACTOR, '')
    .replace(/\.$/, '')
    .replace('{topic}-{partition}', speaker.places.join(', '))
    .replace(/\{(\w+)\}/g, (_, name: string) => saidOf(name, speaker));
}

function saidOf(name: string, { facts, node }: Speaker): string {
  const value = facts[name];
  if (Array.isArray(value))
    return value.map((item) => (typeof item === 'number' ? node(item) : String(item))).join(' ') || 'nobody';
  if (NODES.has(name)) return node(value);
  return value instanceof Error ? value.message : String(value);
}

/** `events-1-0`; undefined: the event has no partition. */
export function placeOf({ topic, partition }: Facts): string | undefined {
  return partition === undefined ? undefined : `${String(topic)}-${String(partition)}`;
}

/** The event in words; undefined for events that the story omits. */
export function phraseOf(event: string, speaker: Speaker): string | undefined {
  if (Object.hasOwn(OWN, event)) return OWN[event]?.(speaker);
  const { facts } = speaker;
  if (NOISE.has(event) || (ECHOED.has(event) && facts['brokerId'] === undefined)) return undefined;
  const definition = definitionOf(event, facts)?.definition;
  if (definition === undefined) return asItIs(event, facts);
  const loud = LOUD[event] ?? '';
  const text = sentenceOf(definition, speaker).replace(loud, loud.toUpperCase());
  const more = ALSO[event];
  if (more !== undefined) return `${text} (${more}=${saidOf(more, speaker)})`;
  return event === 'isr-changed' ? `${text}${joinText(facts)}` : text;
}

/**
 * Adds the log end offset of the replica that joins an ISR, and the start offset of the leader epoch. The log
 * end offset must not lie below the start offset of the leader epoch.
 */
function joinText({ leaderEpoch, startOffset, joinedAt }: Facts): string {
  if (joinedAt === undefined) return '';
  return ` (joins with its log up to ${String(joinedAt)}; epoch ${String(leaderEpoch)} began at ${String(startOffset)})`;
}

/** The event's name and its facts. */
export function asItIs(event: string, facts: Facts): string {
  const fault = /^fault (\d+): (.*)$/.exec(event);
  if (fault !== null) return `${FAULT_MARK} fault ${fault[1]}: ${fault[2]}: ${facts['what']}`;
  const said = Object.entries(facts).map(([key, value]) => `${key}=${valueText(value)}`);
  return [event, ...said].join(' ');
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:>-]+$/.test(value) ? value : JSON.stringify(value);
  return value instanceof Error ? JSON.stringify(value.message) : (JSON.stringify(value) ?? String(value));
}
