/** All checkers, and how they are tied to a run. */
import type { SimCluster } from '../cluster/index.ts';
import type { Host } from '../world/index.ts';
import type { CheckContext, Checker, CheckerKind, CheckScope } from './checker.ts';
import { CommittedMetadata } from './committed-metadata.ts';
import { duplicate } from './duplicate.ts';
import { FinalLogs, readFinalLogs } from './final-logs.ts';
import { HostedReplicas } from './hosted-replicas.ts';
import { isrLacksData } from './isr-lacks-data.ts';
import { Ledger } from './ledger.ts';
import { lostWrite } from './lost-write.ts';
import { nonmonotonicSend } from './nonmonotonic-send.ts';
import { replicasDiffer } from './replicas-differ.ts';
import { twoLeaders } from './two-leaders.ts';

export type { CheckContext, Checker, CheckerKind } from './checker.ts';

/** All of them, in the order in which they look. The first one writes the ledger that others read. */
export const checkerKinds: readonly CheckerKind[] = [
  replicasDiffer,
  twoLeaders,
  isrLacksData,
  lostWrite,
  duplicate,
  nonmonotonicSend,
];

/** Has every checker see everything. Returns what to call at the end. */
export function attachCheckers(
  context: CheckContext,
  kinds: readonly CheckerKind[] = checkerKinds,
): () => void {
  const { world, history, cluster } = context;
  const scope: CheckScope = {
    ...context,
    metadata: new CommittedMetadata(),
    hosted: new HostedReplicas(),
    ledger: new Ledger(),
    finalLogs: new FinalLogs(() => readFinalLogs(cluster)),
  };
  const checkers = kinds.map((kind) => kind.make(scope));
  const nodes = nodesByHost(cluster);
  const turns = checkers.filter((one): one is Checker & { turn: object } => one.turn !== undefined);
  const ops = checkers.filter((one): one is Checker & { op: object } => one.op !== undefined);
  world.watchers.push((life) => {
    const node = nodes.get(life.host);
    if (node === undefined) return;
    scope.metadata.turn(node);
    for (const one of turns) one.turn(node);
  });
  history.watchers.push((op) => {
    for (const one of ops) one.op(op);
  });
  return () => {
    for (const one of checkers) one.finish?.();
  };
}

function nodesByHost(cluster: SimCluster) {
  return new Map<Host, SimCluster['nodes'][number]>(cluster.nodes.map((node) => [node.host, node]));
}
