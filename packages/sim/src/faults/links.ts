/** Groups of machines, the links between them, and temporary cuts of these links. */
import type { Millis } from '@millrace/base';
import type { SimNode } from '../cluster/index.ts';
import type { Micros } from '../world/index.ts';
import { endAfter, type FaultContext } from './fault.ts';

/** One direction: from, to. */
export type Direction = readonly [from: string, to: string];

export function everybody({ cluster, clientHosts }: FaultContext): string[] {
  return [...cluster.nodes.map((node) => node.name), ...clientHosts];
}

/** The nodes with these names. A client's machine is not a node. */
export function nodesAmong({ cluster }: FaultContext, names: readonly string[]): SimNode[] {
  return cluster.nodes.filter(({ name }) => names.includes(name));
}

/** Both directions of every link between the two groups. */
export function between(group: readonly string[], others: readonly string[]): Direction[] {
  const links: Direction[] = [];
  for (const a of group) for (const b of others) if (a !== b) links.push([a, b], [b, a]);
  return links;
}

/**
 * Cuts links for a while. Returns how long. If two cuts of a link overlap, the link heals when the first cut
 * ends.
 */
export function cutFor(context: FaultContext, lastsMs: Millis, links: readonly Direction[]): Micros {
  const { network } = context;
  for (const [from, to] of links) network.cut(from, to);
  return endAfter(context, lastsMs, () => {
    for (const [from, to] of links) network.heal(from, to);
  });
}
