import type { SimCluster } from '../cluster/index.ts';
import type { Host } from '../world/index.ts';
import type { CheckContext, Checker, CheckerKind } from './checker.ts';

export type { CheckContext, Checker, CheckerKind } from './checker.ts';

/** All of them, in the order in which they look. */
export const checkerKinds: readonly CheckerKind[] = [];

/** Has every checker see everything. Returns what to call at the end. */
export function attachCheckers(context: CheckContext): () => void {
  const { world, history } = context;
  const checkers = checkerKinds.map((kind) => kind.make(context));
  const nodes = nodesByHost(context.cluster);
  const turns = checkers.filter((one): one is Checker & { turn: object } => one.turn !== undefined);
  world.watchers.push((life) => {
    const node = nodes.get(life.host);
    if (node === undefined) return;
    for (const one of turns) one.turn(node);
  });
  history.watchers.push((op) => {
    for (const one of checkers) one.op?.(op);
  });
  return () => {
    for (const one of checkers) one.finish?.();
  };
}

function nodesByHost(cluster: SimCluster) {
  return new Map<Host, SimCluster['nodes'][number]>(cluster.nodes.map((node) => [node.host, node]));
}
