/**
 * The store of a controller fails or is damaged. If a write of the store fails, the controller stops and
 * sends nothing, as in a crash. A damaged store is lost, so only a minority of the controllers may lose their
 * stores in a run (atlas.ts). If a snapshot is damaged, the controller still has an older snapshot or the
 * whole log.
 */
import { type FaultKind, fault, RECOVERY_US, victim, victimOf } from './fault.ts';
import { chance, oneOf, whole } from './parameter.ts';

export const quorumStoreFaults: readonly FaultKind[] = [
  fault({
    name: 'failing-quorum-store',
    sentence:
      'writes or syncs of the quorum store of a controller fail; afterwards the failed write may be on the disk or not',
    parameters: { victim: victim(), writes: whole(1, 4), code: oneOf('EIO', 'ENOSPC', 'EROFS') },
    strike(context, { writes, code, ...choices }) {
      const node = victimOf(context, choices.victim, (one) => one.isController && one.isUp);
      if (node === undefined) return undefined;
      node.disk.quorumStore.failWrites(code, writes);
      return { says: `${node.name}, ${code}, ${writes} writes`, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'damaged-quorum-store',
    sentence:
      'a record in the quorum store of a controller is corrupt; the store is replaced after the incident',
    parameters: { victim: victim(), isKilled: chance(2) },
    strike(context, { isKilled, ...choices }) {
      const { atlas } = context;
      const node = victimOf(context, choices.victim, (one) => one.isController && atlas.mayLoseStore());
      if (node === undefined) return undefined;
      atlas.noteStoreLost();
      node.disk.quorumStore.damage();
      if (isKilled) node.kill('process');
      const says = `${node.name}${isKilled ? ', and its process dies' : ''}`;
      return { says, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
  fault({
    name: 'damaged-snapshot',
    sentence: 'the newest snapshot of the metadata in the quorum store of a controller is corrupt',
    parameters: { victim: victim(), isKilled: chance(2) },
    strike(context, { isKilled, ...choices }) {
      const node = victimOf(
        context,
        choices.victim,
        (one) => one.isController && !one.disk.quorumStore.isDamaged,
      );
      if (node === undefined || !node.disk.quorumStore.damageSnapshot()) return undefined;
      if (isKilled) node.kill('process');
      const says = `${node.name}${isKilled ? ', and its process dies' : ''}`;
      return { says, touches: [node], lastsUs: RECOVERY_US };
    },
  }),
];
