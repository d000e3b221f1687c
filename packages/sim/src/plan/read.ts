/** Reads a plan from JSON. An error names the wrong field, and most errors say what is allowed. */
import { type Domain, faultKinds, type Json, whole } from '../faults/index.ts';
import { isDomain, isObject, scenarioDomains } from './overrides.ts';
import {
  type Incident,
  kindNamed,
  type Overrides,
  PLAN_FORMAT,
  type Plan,
  type PlannedFault,
} from './plan.ts';

/**
 * Says why the JSON is not a valid plan. The message is one sentence. It names the field that is missing or
 * unknown, or the value that is not allowed.
 */
export class PlanError extends Error {
  override readonly name = 'PlanError';
}

const SEED = whole(0, 0xffff_ffff);
const ID = whole(0, 1_000_000);
const LASTS = whole(1, 600_000);
const QUIET = whole(0, 3_600_000);
const INCIDENTS_MAX = 100;
const FAULTS_MAX = 10_000;

type Fields = Readonly<Record<string, unknown>>;

/** Throws a PlanError if the JSON is not a valid plan. */
export function planFrom(json: unknown): Plan {
  const { format, seed, overrides, incidents } = fieldsOf(json, 'plan', [
    'format',
    'seed',
    'overrides',
    'incidents',
  ]);
  if (format !== PLAN_FORMAT) refuse('format', format, `${PLAN_FORMAT}`);
  const ids = new Set<number>();
  return {
    format: PLAN_FORMAT,
    seed: allowed(seed, 'seed', SEED),
    overrides: overridesOf(overrides),
    incidents: listOf(incidents, 'incidents', INCIDENTS_MAX).map((one, index) =>
      incidentOf(one, `incidents[${index}]`, ids),
    ),
  };
}

function incidentOf(json: unknown, path: string, ids: Set<number>): Incident {
  const { quietMs, lastsMs, faults } = fieldsOf(json, path, ['quietMs', 'lastsMs', 'faults']);
  const lasts = allowed(lastsMs, `${path}.lastsMs`, LASTS);
  return {
    quietMs: allowed(quietMs, `${path}.quietMs`, QUIET),
    lastsMs: lasts,
    faults: listOf(faults, `${path}.faults`, FAULTS_MAX).map((one, index) =>
      faultOf(one, `${path}.faults[${index}]`, lasts, ids),
    ),
  };
}

function faultOf(json: unknown, path: string, lastsMs: number, ids: Set<number>): PlannedFault {
  const { id, kind, atMs, parameters } = fieldsOf(json, path, ['id', 'kind', 'atMs', 'parameters']);
  const known = kindNamed(String(kind));
  if (known === undefined)
    refuse(`${path}.kind`, kind, `one of ${faultKinds.map(({ name }) => name).join(', ')}`);
  const number = allowed(id, `${path}.id`, ID);
  if (ids.has(number)) refuse(`${path}.id`, id, 'a number that no other fault of the plan has');
  ids.add(number);
  const shape = Object.entries(known.parameters);
  const names = shape.map(([name]) => name);
  if (isObject(parameters)) {
    const missing = names.filter((name) => !Object.hasOwn(parameters, name));
    const lacks = missing.map((name) => `${JSON.stringify(name)}: ${known.parameters[name]!.allows}`);
    if (lacks.length > 0) throw new PlanError(`${path}.parameters lacks ${lacks.join('; ')}`);
  }
  const values = fieldsOf(parameters, `${path}.parameters`, names);
  const read = shape.map(([name, one]) => [name, allowed(values[name], `${path}.parameters.${name}`, one)]);
  return {
    id: number,
    kind: known.name,
    atMs: allowed(atMs, `${path}.atMs`, whole(0, lastsMs - 1)),
    parameters: Object.fromEntries(read),
  };
}

function overridesOf(json: unknown): Overrides {
  const sections = Object.entries(scenarioDomains);
  const names = sections.map(([name]) => name);
  const given = fieldsOf(json, 'overrides', [], names);
  const read = sections.flatMap(([name, one]): [string, Json][] => {
    const path = `overrides.${name}`;
    if (given[name] === undefined) return [];
    return [[name, isDomain(one) ? allowed(given[name], path, one) : sectionOf(given[name], path, one)]];
  });
  return Object.fromEntries(read);
}

function sectionOf(json: unknown, path: string, domains: Readonly<Record<string, Domain>>): Json {
  const given = Object.entries(fieldsOf(json, path, [], Object.keys(domains)));
  return Object.fromEntries(
    given.map(([name, one]) => [name, allowed(one, `${path}.${name}`, domains[name]!)]),
  );
}

/**
 * Returns the fields of an object. Refuses an object that lacks a field of `needed`, or that has a field
 * outside of `needed` and `possible`.
 */
function fieldsOf(
  json: unknown,
  path: string,
  needed: readonly string[],
  possible: readonly string[] = [],
): Fields {
  const names = [...needed, ...possible];
  const allows = names.length === 0 ? 'an object without fields' : `an object with ${names.join(', ')}`;
  if (!isObject(json)) return refuse(path, json, allows);
  for (const name of Object.keys(json))
    if (!names.includes(name))
      throw new PlanError(`${path} has no field ${JSON.stringify(name)}; expected ${allows}`);
  for (const name of needed)
    if (!Object.hasOwn(json, name)) throw new PlanError(`${path} lacks the field ${JSON.stringify(name)}`);
  return json;
}

function listOf(json: unknown, path: string, max: number): readonly unknown[] {
  return Array.isArray(json) && json.length <= max ? json : refuse(path, json, `a list of at most ${max}`);
}

function allowed<T extends Json>(json: unknown, path: string, { allows, isAllowed }: Domain<T>): T {
  return isAllowed(json) ? json : refuse(path, json, allows);
}

const TEXT_MAX = 100;

function refuse(path: string, value: unknown, allows: string): never {
  const text = JSON.stringify(value) ?? 'nothing';
  const short = text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
  throw new PlanError(`${path}: ${short} is not allowed; expected ${allows}`);
}
