/**
 * For shrinking: makes smaller plans from a given plan, with fewer incidents or faults, or with smaller
 * values.
 */
import { faultsOf, type Incident, kindNamed, type Plan, type PlannedFault } from './plan.ts';

/**
 * The plan with only the faults that `isKept` accepts. All incidents stay, even those that lose all their
 * faults.
 */
export function withFaults(plan: Plan, isKept: (fault: PlannedFault) => boolean): Plan {
  const incidents = plan.incidents.map((one) => ({ ...one, faults: one.faults.filter(isKept) }));
  return { ...plan, incidents };
}

/**
 * Plans that each lack one of the incidents. The plan without the last incident comes first, because that
 * incident often does not matter: the run may have failed before it.
 */
export function* withoutAnIncident(plan: Plan): Generator<Plan, void> {
  for (let left = plan.incidents.length - 1; left >= 0; left--)
    yield { ...plan, incidents: plan.incidents.filter((_one, index) => index !== left) };
}

/** Plans in which one quiet phase or one incident is shorter. */
export function* withShorterPhases(plan: Plan): Generator<Plan, void> {
  for (const [index, { quietMs, lastsMs, faults }] of plan.incidents.entries()) {
    const shortest = Math.max(0, ...faults.map(({ atMs }) => atMs)) + 1;
    for (const less of halves(0, quietMs)) yield withIncident(plan, index, { quietMs: less });
    for (const less of halves(shortest, lastsMs)) yield withIncident(plan, index, { lastsMs: less });
  }
}

/** Plans in which one parameter of a fault is smaller. */
export function* withLesserParameters(plan: Plan): Generator<Plan, void> {
  for (const { id, kind, parameters } of faultsOf(plan))
    for (const [name, one] of Object.entries(kindNamed(kind)!.parameters))
      for (const less of one.less(parameters[name]!))
        yield withParameters(plan, id, { ...parameters, [name]: less });
}

function halves(min: number, value: number): number[] {
  return [min, min + Math.floor((value - min) / 2)].filter((one) => one < value);
}

function withIncident(plan: Plan, index: number, changed: Partial<Incident>): Plan {
  return {
    ...plan,
    incidents: plan.incidents.map((one, at) => (at === index ? { ...one, ...changed } : one)),
  };
}

function withParameters(plan: Plan, id: number, parameters: PlannedFault['parameters']): Plan {
  const incidents = plan.incidents.map((incident) => ({
    ...incident,
    faults: incident.faults.map((one) => (one.id === id ? { ...one, parameters } : one)),
  }));
  return { ...plan, incidents };
}
