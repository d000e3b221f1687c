/**
 * The log events of production and of the simulator in plain words. An event without a phrase appears as it
 * is, so that new events are visible. An event that only repeats another line, or is routine, is noise.
 */

export type Facts = Readonly<Record<string, unknown>>;

/** The beginning of a fault's line. */
export const FAULT_MARK = '***';

export interface Speaker {
  readonly facts: Facts;
  /** The partitions of the event. */
  readonly places: readonly string[];
  /** `b4` for 4. */
  readonly node: (id: unknown) => string;
}

type Phrase = (speaker: Speaker) => string;

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const place = ({ places }: Speaker) => places.join(', ');
const isr = ({ node }: Speaker, value: unknown) => list(value).map(node).join(' ') || 'nobody';
const because = ({ facts }: Speaker) => `: ${facts['reason']}`;

/** `undefined`: noise. */
const PHRASES: Readonly<Record<string, Phrase | undefined>> = {
  // Processes
  'process-started': ({ facts }) =>
    facts['life'] === 1 ? 'starts' : `starts again (life ${String(facts['life'])})`,
  'process-asked-to-stop': () => 'is asked to stop',
  'process-ended': ({ facts }) =>
    ({ process: 'is killed', power: 'loses power' })[String(facts['death'])] ?? 'has ended',
  'process-gave-up': (s) => `gives up${because(s)}`,
  'listener-bound': undefined,

  // The quorum
  'quorum-log-loaded': undefined,
  'quorum-formed': (s) => `the quorum is formed: ${isr(s, s.facts['voters'])}`,
  'election-started': ({ facts }) => `wants to lead the quorum in epoch ${facts['epoch']}`,
  'leader-elected': ({ facts }) => `leads the quorum in epoch ${facts['epoch']}`,
  'leader-followed': undefined,
  'leader-timed-out': ({ facts, node }) =>
    `hears nothing from the quorum's leader ${node(facts['leaderId'])}`,
  'leader-connection-lost': ({ facts, node }) =>
    `lost the connection to the quorum's leader ${node(facts['leaderId'])}`,
  'leader-resigned': ({ facts }) => `resigns as the quorum's leader of epoch ${facts['epoch']}`,
  'quorum-lost': (s) => `gives up leading the quorum${because(s)}`,
  'quorum-log-truncated': ({ facts }) =>
    `cuts its quorum log from ${facts['fromOffset']} to ${facts['toOffset']}`,
  'controller-activated': ({ facts }) => `is the active controller (epoch ${facts['epoch']})`,
  'controller-resigned': ({ facts }) => `is no longer the active controller (epoch ${facts['epoch']})`,

  // Brokers and their sessions: the controller's line counts, the broker's copy is noise
  'broker-registered': (s) => byController(s, 'registers'),
  'broker-unfenced': (s) => byController(s, 'is unfenced'),
  'broker-fenced': (s) => byController(s, 'is FENCED') || 'learns that it is fenced',
  'broker-shutting-down': (s) => byController(s, 'wants to shut down'),
  'broker-unregistered': (s) => byController(s, 'is unregistered'),
  'broker-stream-left': (s) => byController(s, 'has closed its control stream'),
  'broker-session-closed': (s) => `${byController(s, 'has lost its session')}${because(s)}`,
  'broker-session-ended': (s) => `${byController(s, 'no longer has a session')}${because(s)}`,
  'control-stream-lost': ({ facts, node }) => `lost its session with ${node(facts['controllerId'])}`,
  'broker-relieved': ({ facts }) =>
    facts['moved'] === true ? 'no longer leads any partition and may stop' : 'stops though it still leads',

  // Partitions
  'topic-created': ({ facts }) => `topic ${facts['topic']} is created, ${facts['partitions']} partitions`,
  'topic-deleted': ({ facts }) => `topic ${facts['topic']} is deleted`,
  'leaders-elected': ({ facts }) => `elects leaders for ${facts['partitions']} partitions`,
  'partitions-without-leader': ({ facts }) => `${facts['partitions']} partitions have NO LEADER`,
  'became-leader': (s) =>
    `leads ${place(s)} in epoch ${s.facts['leaderEpoch']} from ${s.facts['endOffset']} (high watermark ${s.facts['highWatermark']}), ISR ${isr(s, s.facts['isr'])}`,
  'became-follower': undefined,
  'isr-changed': (s) => `ISR of ${place(s)}: ${isr(s, s.facts['from'])} → ${isr(s, s.facts['to'])}`,
  'fetcher-disconnected': undefined,
  'replica-truncated': (s) =>
    `as a follower CUTS ${place(s)} from ${s.facts['from']} to ${s.facts['to']} (epoch ${s.facts['leaderEpoch']})`,
  'log-truncated': undefined,
  'replica-restarted': (s) => `restarts ${place(s)} at ${s.facts['to']}, had ${s.facts['from']}`,
  'truncated-below-high-watermark': (s) =>
    `cuts ${place(s)} to ${s.facts['to']}, BELOW its high watermark ${s.facts['highWatermark']}`,
  'replica-damaged': (s) => `its replica of ${place(s)} is damaged${because(s)}`,
  'replica-deleted': (s) => `deletes its replica of ${place(s)}`,
  'log-cut': (s) =>
    `recovers ${place(s)} up to ${s.facts['endOffset']}, ${s.facts['bytesLost']} bytes cut${because(s)}`,
  'log-write-failed': (s) => `cannot write ${place(s)}${because(s)}`,
  'log-went-offline': (s) => `${place(s)} is offline here${because(s)}`,
  'connection-closed': undefined,

  // The run
  violated: undefined, // printed last, by itself
  'faults-over': () => '— the faults are over; the simulator repairs everything —',
  'in-sync': () => '— everything is in sync —',
  finished: () => '— finished —',
};

/** The controller's line about a broker; empty for the broker's own copy. */
function byController({ facts, node }: Speaker, what: string): string {
  return facts['brokerId'] === undefined ? '' : `${node(facts['brokerId'])} ${what}`;
}

/** `events-1-0`; undefined: the event has no partition. */
export function placeOf({ topic, partition }: Facts): string | undefined {
  return partition === undefined ? undefined : `${String(topic)}-${String(partition)}`;
}

/** Undefined for noise. */
export function phraseOf(event: string, speaker: Speaker): string | undefined {
  if (Object.hasOwn(PHRASES, event)) return PHRASES[event]?.(speaker) || undefined;
  return asItIs(event, speaker.facts);
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
