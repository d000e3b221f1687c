/**
 * The types that connect a package's settings to the table. Every field of a package's settings names the
 * value that fills it, and every value must have a receiver. Does not know any setting by name.
 */

import { type FixedSettings, fixedSettings } from './fixed-settings.ts';
import type { NodeConfig } from './node-config.ts';
import type { Settings } from './table.ts';

/** All values that can fill a field of a package's settings, by name. */
export type Values = Settings & FixedSettings;
export type ValueName = keyof Values;

/** A field that is computed from the values in `names` and the configuration. `of` reads no other values. */
export interface Computed<N extends ValueName, T> {
  readonly names: readonly N[];
  readonly of: (values: Pick<Values, N>, config: NodeConfig) => T;
}

export function computed<const N extends ValueName, T>(
  names: readonly N[],
  of: (values: Pick<Values, N>, config: NodeConfig) => T,
): Computed<N, T> {
  return { names, of };
}

/** A computed field, whatever values it needs. */
interface AnyComputed<T> {
  readonly names: readonly ValueName[];
  readonly of: (values: Values, config: NodeConfig) => T;
}

/** The names of the values that have type T. */
type NameOf<T> = { [N in ValueName]: Values[N] extends T ? N : never }[ValueName];

/** The source of each field of a package's settings. A field without a source does not compile. */
export type FieldsOf<Config> = {
  readonly [F in keyof Config]-?: NameOf<Config[F]> | AnyComputed<Config[F]>;
};

/** The names of the values that fill these fields. */
export type ReceivedBy<Fields> = {
  [F in keyof Fields]: Fields[F] extends ValueName
    ? Fields[F]
    : Fields[F] extends { readonly names: readonly (infer N)[] }
      ? N
      : never;
}[keyof Fields];

/**
 * True if `Received` has all names of `All`. Otherwise a type that shows the missing names in the compiler's
 * error.
 */
export type IsComplete<All, Received> = [Exclude<All, Received>] extends [never]
  ? true
  : { readonly unwired: Exclude<All, Received> };

/** Fills all fields of a package's settings. */
export function fill<Config extends object>(fields: FieldsOf<Config>, config: NodeConfig): Config {
  const values: Values = { ...config.settings, ...fixedSettings };
  const filled = Object.entries<ValueName | AnyComputed<unknown>>(fields).map(([field, from]) => [
    field,
    typeof from === 'string' ? values[from] : from.of(values, config),
  ]);
  return Object.fromEntries(filled) as Config;
}
