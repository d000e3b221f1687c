/** The checkers of the state of the group coordinators. */
import type { StateCheckerKind } from '../checker.ts';
import { shardWithoutLeadership } from './shard-without-leadership.ts';

export const groupCheckers: readonly StateCheckerKind[] = [shardWithoutLeadership];
