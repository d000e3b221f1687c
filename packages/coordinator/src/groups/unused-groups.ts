/**
 * Visits all groups of a shard, and deletes the groups without members and offsets. Works in slices, because
 * a client can make a million such groups, and each deletion is a separate decision.
 */
import { NEXT_TURN_MS } from '@millrace/base';
import type { ShardPort } from '../runtime/machine.ts';

/** After this many visited groups, or this many deletions, a slice ends. */
const VISITS_PER_SLICE = 10_000;
const DELETIONS_PER_SLICE = 500;

export class UnusedGroups {
  private readonly port: Pick<ShardPort, 'inOwnTurn'>;
  private readonly groupIds: () => Iterator<string>;
  private readonly deleteIfUnused: (groupId: string) => boolean;
  private isRunning = false;

  /**
   * The iterator that `groupIds` returns must stay valid while groups are made and deleted. `deleteIfUnused`
   * returns whether it has deleted the group.
   */
  constructor(
    port: Pick<ShardPort, 'inOwnTurn'>,
    groupIds: () => Iterator<string>,
    deleteIfUnused: (groupId: string) => boolean,
  ) {
    this.port = port;
    this.groupIds = groupIds;
    this.deleteIfUnused = deleteIfUnused;
  }

  /** Begins to visit all groups, unless a visit is still running. */
  visit(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.slice(this.groupIds());
  }

  private slice(groupIds: Iterator<string>): void {
    let deleted = 0;
    for (let visited = 0; visited < VISITS_PER_SLICE && deleted < DELETIONS_PER_SLICE; visited++) {
      const { done, value } = groupIds.next();
      if (done === true) {
        this.isRunning = false;
        return;
      }
      if (this.deleteIfUnused(value)) deleted++;
    }
    this.port.inOwnTurn(NEXT_TURN_MS, () => this.slice(groupIds));
  }
}
