/** The rules of all links. Connections look up the rule of each chunk, so changes act on live connections. */
import type { NodeId } from '@millrace/base';
import type { LinkEnd, LinkRule } from '../target/target.ts';
import { ByteBudget } from './byte-budget.ts';

const OPEN: LinkRule = { state: 'open' };
const STATES: readonly string[] = ['open', 'cut', 'silent'];

/** One direction between two ends. All connections of the direction share its bytes per second. */
export class Link {
  #rule = OPEN;
  #budget: ByteBudget | undefined;

  get rule(): LinkRule {
    return this.#rule;
  }

  set(rule: LinkRule, nowMs: number): void {
    this.#rule = rule;
    this.#budget = rule.bytesPerSecond === undefined ? undefined : new ByteBudget(rule.bytesPerSecond, nowMs);
  }

  /** Returns how many of `wanted` bytes may pass now. */
  take(wanted: number, nowMs: number): number {
    return this.#budget?.take(wanted, nowMs) ?? wanted;
  }

  /** How long a connection with `wanted` bytes waits before it asks again. */
  waitMs(wanted: number, nowMs: number): number {
    return this.#budget?.waitMs(wanted, nowMs) ?? 0;
  }
}

export class RuleTable {
  readonly #nodes: ReadonlySet<NodeId>;
  readonly #links = new Map<LinkEnd, Map<LinkEnd, Link>>();

  constructor(nodes: Iterable<NodeId>) {
    this.#nodes = new Set(nodes);
    const ends: LinkEnd[] = [...this.#nodes, 'clients'];
    for (const from of ends) this.#links.set(from, new Map(ends.map((to) => [to, new Link()])));
  }

  /** The bytes that `from` sends to `to`. */
  link(from: LinkEnd, to: LinkEnd): Link {
    const link = this.#links.get(from)?.get(to);
    if (link === undefined) throw new RangeError(`there is no link from ${from} to ${to}`);
    return link;
  }

  /** Throws a RangeError, and changes nothing, if the ends or the rule are wrong. */
  set(from: LinkEnd, to: LinkEnd, rule: LinkRule, nowMs: number): void {
    for (const end of [from, to]) {
      if (end === 'clients' || this.#nodes.has(end)) continue;
      throw new RangeError(
        `a link ends at 'clients' or at one of the nodes ${[...this.#nodes].join(', ')}, not at ${end}`,
      );
    }
    if (from === to) throw new RangeError(`a link has two different ends, not ${from} twice`);
    checkRule(rule);
    this.link(from, to).set(rule, nowMs);
  }

  /** Opens every link. */
  heal(nowMs: number): void {
    for (const links of this.#links.values()) for (const link of links.values()) link.set(OPEN, nowMs);
  }
}

function checkRule(rule: LinkRule): void {
  const { state, delayMs = 0, bytesPerSecond = 1 } = rule;
  if (!STATES.includes(state))
    throw new RangeError(`the state of a link is open, cut or silent, not ${String(state)}`);
  if (!(delayMs >= 0 && delayMs <= DELAY_MS_MAX))
    throw new RangeError(`delayMs of a link is a number from 0 to ${DELAY_MS_MAX}, not ${delayMs}`);
  if (!(bytesPerSecond >= 1 && Number.isFinite(bytesPerSecond)))
    throw new RangeError(`bytesPerSecond of a link is a number of at least 1, not ${bytesPerSecond}`);
}

/** One hour. A timer of Node.js would take a much longer delay for none. */
const DELAY_MS_MAX = 3_600_000;
