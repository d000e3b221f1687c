/** The checkers that judge each committed metadata image, and its difference from the image before it. */
import type { StateCheckerKind } from '../checker.ts';
import { elrBroken } from './elr-broken.ts';
import { epochDidNotGrow } from './epoch-did-not-grow.ts';
import { imageMalformed } from './image-malformed.ts';
import { inactiveInIsr } from './inactive-in-isr.ts';
import { leaderMissing } from './leader-missing.ts';
import { leaderNotActive } from './leader-not-active.ts';
import { uncleanElection } from './unclean-election.ts';

export const imageCheckers: readonly StateCheckerKind[] = [
  imageMalformed,
  leaderNotActive,
  inactiveInIsr,
  leaderMissing,
  uncleanElection,
  elrBroken,
  epochDidNotGrow,
];
