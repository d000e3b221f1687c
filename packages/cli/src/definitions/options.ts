/** Options that several commands have, and the parsers of their values. */
import { type Command, InvalidArgumentError, Option } from 'commander';

export type Settings = Record<string, string>;

export function command(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).allowExcessArguments(false);
}

export function directoryOption(): Option {
  return new Option('--dir <folder>', "the cluster's folder (required)").makeOptionMandatory();
}

export function settingOption(flag: string, description: string): Option {
  const option = new Option(`${flag} <key=value>`, description);
  // `--help` prints 'none' as the default. Without this text, `--help` would print {}.
  return option.argParser(collectSetting).default({}, 'none');
}

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON object instead of text');
}

export function timeoutOption(): Option {
  return new Option(
    '--timeout <seconds>',
    'give up after this time, and stop the started nodes; default 60',
  ).argParser(wholeNumber(1, 86_400));
}

export function bootstrapOption(): Option {
  return new Option(
    '-b, --bootstrap-server <host:port,…>',
    'brokers to ask first (required)',
  ).makeOptionMandatory();
}

/** Collects the pairs of an option or argument that may be given more than once. */
export function collectSetting(text: string, settings: Settings | undefined): Settings {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Expected key=value.');
  return { ...settings, [text.slice(0, equals).trim()]: text.slice(equals + 1).trim() };
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** Parses a whole number, which may be negative. */
export function anyWholeNumber(text: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('Expected a whole number.');
  return value;
}

/** The value of an option that may be given only once. */
export function once(text: string, before: string | undefined): string {
  if (before === undefined) return text;
  throw new InvalidArgumentError(`The option is given twice, first as '${before}'.`);
}

/** Collects the values of an option that may be given more than once. */
export function collected(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}
