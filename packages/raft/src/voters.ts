/**
 * The voters of the quorum. Until the quorum is formed, the voters are those that the configuration names.
 * Afterwards, the first record of the log names the voters. Snapshots have a copy of it.
 */
import type { NodeId, Uuid } from '@millrace/base';
import type { VoterAddress, VoterKey } from './types.ts';
import { decodeVoters } from './wire.ts';

export interface VoterSet {
  /**
   * True once the log has its first record, committed or not. From then on the keys are known, and an
   * election needs a majority instead of all voters.
   */
  readonly formed: boolean;
  /** The id of the cluster; '' until the quorum is formed. */
  readonly clusterId: Uuid | '';
  /** The voters by ascending id. Their key is '' until the quorum is formed. */
  readonly voters: readonly (VoterAddress & { readonly key: VoterKey })[];
}

/** `record`: the first record of the log; undefined if there is none. */
export function votersOf(record: Uint8Array | undefined, configured: readonly VoterAddress[]): VoterSet {
  if (record === undefined) {
    return { formed: false, clusterId: '', voters: byId(configured.map((voter) => ({ ...voter, key: '' }))) };
  }
  const { clusterId, voters } = decodeVoters(record);
  return { formed: true, clusterId, voters: byId(voters) };
}

export function keyOf(set: VoterSet, id: NodeId): VoterKey | undefined {
  return set.voters.find((voter) => voter.id === id)?.key;
}

function byId<T extends { readonly id: NodeId }>(voters: readonly T[]): T[] {
  return [...voters].sort((a, b) => a.id - b.id);
}
