/** Parses the listeners and voters in the settings: `NAME://host:port` and `id@host:port`. Pure. */

export interface ListenerAddress {
  /** The listener's name, in upper case. */
  readonly name: string;
  /** The host; an IPv6 address has no brackets here. Empty: all interfaces. */
  readonly host: string;
  /** The port. 0: the system picks a free one. */
  readonly port: number;
}

export interface VoterAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export function parseListener(text: string): ListenerAddress | undefined {
  const match = /^([A-Za-z0-9._-]+):\/\/(\[[0-9A-Fa-f:.%a-z]*\]|[^:[\]/\s]*):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65535) return undefined;
  return { name: match[1]!.toUpperCase(), host: bare(match[2]!), port };
}

/** Parses comma-separated listeners. Undefined: one is malformed, or a name is a duplicate. */
export function parseListeners(text: string): readonly ListenerAddress[] | undefined {
  return parseAll(text, parseListener, (listener) => listener.name);
}

export function parseVoter(text: string): VoterAddress | undefined {
  const match = /^(\d{1,10})@(\[[0-9A-Fa-f:.%a-z]+\]|[^:[\]/@\s]+):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const id = Number(match[1]);
  const port = Number(match[3]);
  if (id > 2_147_483_647 || port < 1 || port > 65535) return undefined;
  return { id, host: bare(match[2]!), port };
}

/** Parses comma-separated voters. Undefined: one is malformed, or an id is a duplicate. */
export function parseVoters(text: string): readonly VoterAddress[] | undefined {
  return parseAll(text, parseVoter, (voter) => voter.id);
}

/** Parses `NAME:PROTOCOL` pairs. Returns the names in upper case; undefined when a pair is malformed. */
export function parseProtocolMap(text: string): ReadonlyMap<string, string> | undefined {
  const pairs = text.split(',').map((part) => part.trim().split(':'));
  if (pairs.some((pair) => pair.length !== 2 || pair[0] === '' || pair[1] === '')) return undefined;
  return new Map(pairs.map(([name, protocol]) => [name!.toUpperCase(), protocol!.toUpperCase()]));
}

/** host:port, with an IPv6 host in brackets. */
export function formatAddress(address: { host: string; port: number }): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function parseAll<T>(
  text: string,
  parse: (part: string) => T | undefined,
  keyOf: (value: T) => string | number,
): readonly T[] | undefined {
  const values: T[] = [];
  for (const part of text.split(',')) {
    const value = parse(part.trim());
    if (value === undefined) return undefined;
    values.push(value);
  }
  return new Set(values.map(keyOf)).size === values.length ? values : undefined;
}
