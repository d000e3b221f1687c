/** The checkers of the state of the group coordinators. */
import type { StateCheckerKind } from '../checker.ts';
import { instanceIdLost } from './instance-id-lost.ts';
import { shardWithoutLeadership } from './shard-without-leadership.ts';
import { twoOwners } from './two-owners.ts';

export const groupCheckers: readonly StateCheckerKind[] = [shardWithoutLeadership, twoOwners, instanceIdLost];
