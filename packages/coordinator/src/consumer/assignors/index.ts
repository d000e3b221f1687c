/** The server assignors by the name that a member asks for. */
import type { AssignorName } from '../../config.ts';
import type { Assignor } from './assignor.ts';
import { assignRange } from './range.ts';
import { assignUniform } from './uniform.ts';

export * from './assignor.ts';

export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  uniform: assignUniform,
  range: assignRange,
};

export function isAssignorName(name: string): name is AssignorName {
  return Object.hasOwn(assignors, name);
}
