/**
 * Which processes no fault touches, and since when. A checker of availability demands something only of them.
 *
 * - A fault touches each machine that its line of the story names, and all machines if it names none: for the
 *   time that the line states and a second more, or else for `UNSTATED_US`. An aimed fault acts in several
 *   steps, so it touches all machines for `AIMED_US`. An operation on a topic touches no machine.
 * - A process is touched while it is down, paused or stopping, and while its disk has lost data.
 * - Two machines are touched while a link between them is cut.
 * - A controller whose disk was replaced is no voter, and counts as touched for ever.
 */
import type { SimCluster, SimNode } from '../../cluster/index.ts';
import { aimedFaults, lateCopy, lateFromDead } from '../../faults/aimed/index.ts';
import type { Link } from '../../net/index.ts';
import { type Life, MILLISECOND, type Micros, SECOND, type World } from '../../world/index.ts';

/** For faults that state no time, because they act at once. */
const UNSTATED_US: Micros = 5 * SECOND;
const AIMED_US: Micros = 15 * SECOND;
/** The traces of a fault vanish within this time. */
const TRACES_US: Micros = SECOND;
const AIMED: ReadonlySet<string> = new Set([...aimedFaults, lateCopy, lateFromDead].map(({ name }) => name));
const OF_TOPICS: ReadonlySet<string> = new Set(['create-topic', 'delete-topic', 'grow-topic']);

/** A majority of the voters, among them the active controller if there is one. */
export interface Quorum {
  readonly members: readonly SimNode[];
  readonly sinceUs: Micros;
}

/** Two machines. */
interface Pair {
  readonly key: string;
  readonly links: readonly Link[];
}

export class Calm {
  private readonly world: World;
  private readonly cluster: SimCluster;
  private lookedUs: Micros = -1;
  private readLines = 0;
  /** By machine, the end of the last fault that touches it. */
  private readonly touchedUntilUs = new Map<string, Micros>();
  private readonly replaced = new Set<SimNode>();
  private readonly calmSince = new Map<SimNode, { readonly life: Life; readonly sinceUs: Micros }>();
  private readonly linkedSince = new Map<string, Micros>();
  /** All pairs of machines, listed at the first look. */
  private pairs: readonly Pair[] | undefined;

  constructor(world: World, cluster: SimCluster) {
    this.world = world;
    this.cluster = cluster;
  }

  /** Looks at everything, once at each time. Call it at each look, before the questions below. */
  look(): void {
    const { nowUs } = this.world;
    if (this.lookedUs === nowUs) return;
    this.lookedUs = nowUs;
    this.readStory();
    for (const node of this.cluster.nodes) {
      const { life } = node;
      if (life === undefined || this.isTouched(node, life)) this.calmSince.delete(node);
      else if (this.calmSince.get(node)?.life !== life) this.calmSince.set(node, { life, sinceUs: nowUs });
    }
    this.pairs ??= pairsOf(this.cluster);
    for (const { key, links } of this.pairs)
      if (links.some(({ isCut }) => isCut)) this.linkedSince.delete(key);
      else if (!this.linkedSince.has(key)) this.linkedSince.set(key, nowUs);
  }

  /** Undefined: a fault touches the process. */
  sinceUs(node: SimNode): Micros | undefined {
    return this.calmSince.get(node)?.sinceUs;
  }

  /** Since when all of them are untouched and reach each other; undefined: they do not. */
  togetherSinceUs(nodes: readonly SimNode[]): Micros | undefined {
    let since = 0;
    for (const [index, a] of nodes.entries()) {
      const own = this.sinceUs(a);
      if (own === undefined) return undefined;
      since = Math.max(since, own);
      for (const b of nodes.slice(index + 1)) {
        const linked = this.linkedSince.get(a.id < b.id ? `${a.name} ${b.name}` : `${b.name} ${a.name}`);
        if (linked === undefined && a !== b) return undefined;
        since = Math.max(since, linked ?? 0);
      }
    }
    return since;
  }

  /** The untouched majority of controllers; undefined: there is none, or another controller leads them. */
  quorum(): Quorum | undefined {
    const { controllers } = this.cluster;
    const members = controllers.filter((node) => this.sinceUs(node) !== undefined);
    if (members.length * 2 <= controllers.length) return undefined;
    const sinceUs = this.togetherSinceUs(members);
    const active = this.cluster.activeController();
    if (sinceUs === undefined || (active !== undefined && !members.includes(active))) return undefined;
    return { members, sinceUs };
  }

  private isTouched(node: SimNode, life: Life): boolean {
    if (life.isPaused || node.isStopping || node.disk.isDamaged || this.replaced.has(node)) return true;
    return this.world.nowUs < (this.touchedUntilUs.get(node.name) ?? 0);
  }

  private readStory(): void {
    const { lines } = this.world.story;
    for (; this.readLines < lines.length; this.readLines++) {
      const { atUs, event, facts } = lines[this.readLines]!;
      if (event === 'disk-replaced') this.noteReplaced(String(facts?.['node']));
      const kind = /^fault \d+: (.*)$/.exec(event)?.[1];
      if (kind !== undefined) this.noteFault(atUs, kind, String(facts?.['what']));
    }
  }

  private noteFault(atUs: Micros, kind: string, text: string): void {
    if (OF_TOPICS.has(kind)) return;
    const named = text.match(/\b[a-z]\d+\b/g) ?? [];
    const isAimed = AIMED.has(kind);
    const everybody = this.cluster.nodes.map(({ name }) => name);
    const untilUs = atUs + (isAimed ? AIMED_US : durationUs(text));
    for (const name of isAimed || named.length === 0 ? everybody : named)
      this.touchedUntilUs.set(name, Math.max(untilUs, this.touchedUntilUs.get(name) ?? 0));
    if (kind === 'lost-disk') for (const name of named) this.noteReplaced(name);
  }

  private noteReplaced(name: string): void {
    const node = this.cluster.nodes.find((one) => one.name === name);
    if (node?.isController === true) this.replaced.add(node);
  }
}

function pairsOf({ nodes, network }: SimCluster): Pair[] {
  return nodes.flatMap((a) =>
    nodes
      .filter((b) => a.id < b.id)
      .map((b) => ({
        key: `${a.name} ${b.name}`,
        links: [network.link(a.name, b.name), network.link(b.name, a.name)],
      })),
  );
}

function durationUs(text: string): Micros {
  const stated = /\bfor ([\d.]+) (s|ms)\b/.exec(text);
  if (stated === null) return UNSTATED_US;
  return Number(stated[1]) * (stated[2] === 's' ? SECOND : MILLISECOND) + TRACES_US;
}
