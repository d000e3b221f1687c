/** Reads and writes the plan of a run as a JSON file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Plan, PlanError, planFrom, planText } from '@millrace/sim';
import { UserError } from '../user-error.ts';

/** Throws a UserError with the field and the allowed values. */
export function readPlan(file: string): Plan {
  const text = orRefuse(() => readFileSync(file, 'utf8'), `cannot read the plan ${file}`);
  const json: unknown = orRefuse(() => JSON.parse(text), `the plan ${file} is not JSON`);
  return orRefuse(() => planFrom(json), `the plan ${file} is not valid`);
}

export function writePlan(file: string, plan: Plan): void {
  orRefuse(() => writeFileSync(file, `${planText(plan)}\n`), `cannot write the plan ${file}`);
}

function orRefuse<T>(act: () => T, complaint: string): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof PlanError || error instanceof SyntaxError || isOfFiles(error))
      throw new UserError(`${complaint}: ${error.message}`);
    throw error;
  }
}

function isOfFiles(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
