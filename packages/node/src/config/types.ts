/**
 * The types of settings: each parses a text, and describes the allowed values to a user. Pure: text in, value
 * out. Knows no setting by name.
 */

/** `parse` returns this for a text that is not a value of the type. */
export const INVALID: unique symbol = Symbol('invalid');

export interface SettingType<T> {
  /** Kafka's name of the type, for the documentation. */
  readonly name: 'int' | 'long' | 'double' | 'boolean' | 'string' | 'list';
  /** Describes the allowed values, as the end of the sentence "give …". */
  readonly allowed: string;
  parse(text: string): T | typeof INVALID;
}

export type TypeOfSetting<S> = S extends SettingType<infer T> ? T : never;

const INT_MAX = 2_147_483_647;
/** Java's Long.MAX_VALUE, which Kafka's documents use for "no limit". */
const LONG_MAX_TEXT = '9223372036854775807';

/** A 32-bit integer within bounds, both inclusive. */
export function int(min = -INT_MAX - 1, max = INT_MAX): SettingType<number> {
  return wholeNumber('int', min, max);
}

/** A 64-bit integer within bounds. A value above the safe integers becomes the largest safe integer. */
export function long(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): SettingType<number> {
  return wholeNumber('long', min, max);
}

function wholeNumber(name: 'int' | 'long', min: number, max: number): SettingType<number> {
  const unbounded = max === INT_MAX || max === Number.MAX_SAFE_INTEGER;
  return {
    name,
    allowed: unbounded ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`,
    parse(text) {
      if (!/^[+-]?\d{1,19}$/.test(text)) return INVALID;
      if (name === 'long' && BigInt(text) > BigInt(LONG_MAX_TEXT)) return INVALID;
      const value = name === 'long' ? Math.min(Number(text), Number.MAX_SAFE_INTEGER) : Number(text);
      return value >= min && value <= max ? value : INVALID;
    },
  };
}

/**
 * A decimal number within bounds, with or without an exponent. `above`: an exclusive lower bound, in place of
 * `min`.
 */
export function double({
  min = Number.NEGATIVE_INFINITY,
  above = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
}: {
  min?: number;
  above?: number;
  max?: number;
} = {}): SettingType<number> {
  const bounds = [
    ...(Number.isFinite(min) ? [`of at least ${min}`] : []),
    ...(Number.isFinite(above) ? [`above ${above}`] : []),
    ...(Number.isFinite(max) ? [`at most ${max}`] : []),
  ];
  return {
    name: 'double',
    allowed: ['a number', bounds.join(' and ')].join(' ').trim(),
    parse(text) {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/.test(text)) return INVALID;
      const value = Number(text);
      return Number.isFinite(value) && value >= min && value > above && value <= max ? value : INVALID;
    },
  };
}

/** A limit of at least 1; -1: no limit. */
export function positiveOrNone(of: (min: number) => SettingType<number>): SettingType<number> {
  const { name, parse } = of(-1);
  return {
    name,
    allowed: '-1 or an integer of at least 1',
    parse: (text) => {
      const value = parse(text);
      return value === 0 ? INVALID : value;
    },
  };
}

export const boolean: SettingType<boolean> = {
  name: 'boolean',
  allowed: 'true or false',
  parse: (text) => {
    const lower = text.toLowerCase();
    return lower === 'true' ? true : lower === 'false' ? false : INVALID;
  },
};

/** Any text that is not empty. */
export const text: SettingType<string> = {
  name: 'string',
  allowed: 'a text that is not empty',
  parse: (value) => (value === '' ? INVALID : value),
};

export function oneOf<const V extends string>(...values: V[]): SettingType<V> {
  return {
    name: 'string',
    allowed: `one of ${values.join(', ')}`,
    parse: (value) => values.find((known) => known === value) ?? INVALID,
  };
}

/** Comma-separated values, at least one, no duplicates. */
export function list<T>(of: SettingType<T>): SettingType<readonly T[]> {
  return {
    name: 'list',
    allowed: `a comma-separated list, each element ${of.allowed}`,
    parse(value) {
      const parts = value.split(',').map((part) => part.trim());
      if (new Set(parts).size !== parts.length) return INVALID;
      const values: T[] = [];
      for (const part of parts) {
        const parsed = of.parse(part);
        if (parsed === INVALID) return INVALID;
        values.push(parsed);
      }
      return values;
    },
  };
}

/** The type of an optional setting: an empty text means "not set". */
export function optional<T>(of: SettingType<T>): SettingType<T | undefined> {
  return {
    name: of.name,
    allowed: of.allowed,
    parse: (value) => (value === '' ? undefined : of.parse(value)),
  };
}

/** A type with its own parser. */
export function custom<T>(
  name: SettingType<T>['name'],
  allowed: string,
  parse: (value: string) => T | undefined,
): SettingType<T> {
  return { name, allowed, parse: (value) => parse(value) ?? INVALID };
}
