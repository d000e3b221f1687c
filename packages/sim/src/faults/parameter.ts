/**
 * Plain JSON values with their allowed range. The parameters of a fault are such values. The simulator draws
 * them before anything happens, or a plan in a file names them. Shrinking makes them smaller.
 */
import type { Millis, Prng } from '@millrace/base';

export type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };

export interface Domain<T extends Json = Json> {
  /** The allowed values in words: `a whole number from 1 to 400`. */
  readonly allows: string;
  isAllowed(value: unknown): value is T;
  /** Values with less effect, in the order in which shrinking tries them: the least effect comes first. */
  less(value: T): readonly T[];
}

export interface Parameter<T extends Json = Json> extends Domain<T> {
  draw(random: Prng): T;
}

/** Parameters by name. */
export type Shape = Readonly<Record<string, Parameter>>;

/** A value for each parameter of a shape. */
export type ValuesOf<S extends Shape> = {
  readonly [Name in keyof S]: S[Name] extends Parameter<infer T> ? T : never;
};
export type Values = Readonly<Record<string, Json>>;

/**
 * Draws a value for each parameter. Each parameter has a random source of its own, so a new parameter does
 * not change the values of the others.
 */
export function drawValues<S extends Shape>(shape: S, random: Prng): ValuesOf<S> {
  const drawn = Object.entries(shape).map(([name, one]) => [name, one.draw(random.fork(name))]);
  return Object.fromEntries(drawn) as ValuesOf<S>;
}

/** A whole number. The plan draws every allowed number equally often, unless `draw` says otherwise. */
export function whole(
  min: number,
  max: number,
  draw = (random: Prng) => min + random.below(max - min + 1),
): Parameter<number> {
  return {
    allows: `a whole number from ${min} to ${max}`,
    isAllowed: (value): value is number =>
      Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
    draw,
    less: (value) => [...new Set([min, min + Math.floor((value - min) / 2)])].filter((one) => one < value),
  };
}

/** The longest duration that a plan in a file may name. */
export const DURATION_MS_MAX: Millis = 600_000;

/**
 * A duration in milliseconds. Most drawn durations are short, and some are longer than session timeouts and
 * lag times.
 */
export function duration(drawnMsMax: Millis = 8_000): Parameter<Millis> {
  const ranges = [200, 1_000, 3_000, drawnMsMax];
  const draw = (random: Prng) =>
    20 + random.below(Math.min(drawnMsMax, ranges[random.below(ranges.length)]!));
  return whole(1, DURATION_MS_MAX, draw);
}

/**
 * One of the listed values. The value with the least effect is the first. A value that is listed several
 * times is drawn more often.
 */
export function oneOf<const T extends string | number>(...list: readonly T[]): Parameter<T> {
  const distinct = [...new Set(list)];
  return {
    allows: `one of ${distinct.join(', ')}`,
    isAllowed: (value): value is T => distinct.some((one) => one === value),
    draw: (random) => list[random.below(list.length)]!,
    less: (value) => distinct.slice(0, distinct.indexOf(value)),
  };
}

/** True in one draw of `oneIn`. */
export function chance(oneIn: number): Parameter<boolean> {
  return {
    allows: 'true or false',
    isAllowed: (value): value is boolean => typeof value === 'boolean',
    draw: (random) => random.below(oneIn) === 0,
    less: (value) => (value ? [false] : []),
  };
}

const CHOICES = 2 ** 32;

/**
 * A choice from a list that exists only when the fault strikes. `chosen` divides the number by the length of
 * the list; the remainder is the index. Shrinking does not change a choice, because no element of the list
 * has less effect than another.
 */
export function choice(): Parameter<number> {
  return { ...whole(0, CHOICES - 1), less: () => [] };
}

export function chosen<T>(list: readonly T[], number: number): T | undefined {
  return list[number % Math.max(1, list.length)];
}
