/** The assignors of this client, by their names in JoinGroup. */
import type { Assignor } from './assignor.ts';
import { cooperativeStickyAssignor } from './cooperative-sticky.ts';
import { rangeAssignor } from './range.ts';

export type AssignorName = Assignor['name'];

export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  range: rangeAssignor,
  'cooperative-sticky': cooperativeStickyAssignor,
};
