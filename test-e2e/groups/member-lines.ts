/**
 * The command line and the output of every member program. A program is started with NAME=VALUE arguments
 * (`MemberSettings`), prints one JSON object a line (`MemberLine`), and leaves the group when its standard
 * input is closed. `t` is the member's clock in milliseconds since 1970.
 */

export interface MemberSettings {
  readonly bootstrap: string;
  readonly group: string;
  readonly topic: string;
  readonly protocol: 'classic' | 'consumer';
  readonly assignor: string;
  /** The id of a static member. */
  readonly instance?: string;
  /**
   * `sessionMs` and `heartbeatMs` (the interval between heartbeats) count only with the classic protocol.
   * With KIP-848, the broker decides both.
   */
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  readonly rebalanceMs: number;
  /** Time between two commits. */
  readonly commitMs: number;
}

export type MemberLine =
  /** From now on the member owns these partitions, in addition to those that it already owns. */
  | { readonly e: 'assigned'; readonly t: number; readonly p: readonly number[] }
  /** The member no longer processes these partitions. It prints this before the coordinator learns of it. */
  | { readonly e: 'revoked' | 'lost'; readonly t: number; readonly p: readonly number[] }
  /** The member has processed records of partition `p`. `o`: their offsets. `n`: the numbers in them. */
  | {
      readonly e: 'read';
      readonly t: number;
      readonly p: number;
      readonly o: readonly number[];
      readonly n: readonly number[];
    }
  /** A commit was acknowledged, or failed with the message `m`. `o`: by partition, the offset. */
  | {
      readonly e: 'commit';
      readonly t: number;
      readonly o: Readonly<Record<string, number>>;
      readonly m?: string;
    }
  | { readonly e: 'error'; readonly t: number; readonly m: string }
  /** The member has left the group. */
  | { readonly e: 'closed'; readonly t: number };

/**
 * A member that uses @platformatic/kafka prints this error when the library drops all partitions of the
 * member.
 */
export const DROPPED = 'the library dropped all partitions, because the coordinator refused a request';

/** The name of the argument for each setting. Every member program reads these arguments. */
const names: Readonly<Record<keyof MemberSettings, string>> = {
  bootstrap: 'bootstrap',
  group: 'group',
  topic: 'topic',
  protocol: 'protocol',
  assignor: 'assignor',
  instance: 'instance',
  sessionMs: 'session-ms',
  heartbeatMs: 'heartbeat-ms',
  rebalanceMs: 'rebalance-ms',
  commitMs: 'commit-ms',
};

export function memberArguments(settings: MemberSettings): string[] {
  return Object.entries(names).flatMap(([key, name]) => {
    const value = settings[key as keyof MemberSettings];
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

export function parseArguments(args: readonly string[]): MemberSettings {
  const values = new Map(
    args.map((arg) => [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)]),
  );
  const text = (key: keyof MemberSettings) => {
    const value = values.get(names[key]);
    if (value === undefined) throw new Error(`the argument ${names[key]} is missing`);
    return value;
  };
  const instance = values.get(names.instance);
  return {
    bootstrap: text('bootstrap'),
    group: text('group'),
    topic: text('topic'),
    protocol: text('protocol') as MemberSettings['protocol'],
    assignor: text('assignor'),
    ...(instance === undefined ? {} : { instance }),
    sessionMs: Number(text('sessionMs')),
    heartbeatMs: Number(text('heartbeatMs')),
    rebalanceMs: Number(text('rebalanceMs')),
    commitMs: Number(text('commitMs')),
  };
}

/** Parses a line of a member. A line that is no JSON object becomes a line with an error. */
export function parseLine(line: string): MemberLine {
  try {
    const parsed = JSON.parse(line) as MemberLine;
    // The Go program leaves an empty list out.
    if (parsed.e === 'assigned' || parsed.e === 'revoked' || parsed.e === 'lost')
      return { ...parsed, p: parsed.p ?? [] };
    return parsed;
  } catch {
    return { e: 'error', t: Date.now(), m: `a line that is no JSON: ${line.slice(0, 200)}` };
  }
}
