/**
 * Judges what the members of one group did. The inputs are the lines that the members printed
 * (member-lines.ts), the notes of the writers, and the readings of the committed offsets. The functions are
 * pure, so that judge.test.ts can plant each violation. These promises must hold:
 *
 * - Every acknowledged record was processed, with the number that the writer gave it.
 * - While a member owns a partition, it processes the offsets one by one. It may go back only when a new
 *   ownership begins, and then not below an offset whose commit was acknowledged before the new ownership.
 * - No two members own one partition at the same time. The ownership of a member ends when the test kills or
 *   pauses it.
 * - A committed offset never decreases, and is never below the offset of an acknowledged commit. At the end
 *   it is the offset after the last acknowledged record. If the highest acknowledged commit is higher, it is
 *   the offset of that commit.
 * - No long time passes between two readings of the committed offsets.
 */
import type { MemberLine } from './member-lines.ts';
import type { Reading } from './monitor.ts';

export interface MemberHistory {
  readonly name: string;
  readonly lines: readonly MemberLine[];
  /** When the test killed the member, or when the member ended by itself; undefined while it runs. */
  readonly endedMs: number | undefined;
  /** The times in which the test paused the process. `toMs`: undefined while the pause lasts. */
  readonly pauses: readonly { readonly fromMs: number; readonly toMs: number | undefined }[];
}

export interface GroupHistory {
  readonly partitions: number;
  /**
   * By partition: a map from the offset of each acknowledged record to the number that the writer gave the
   * record.
   */
  readonly written: readonly ReadonlyMap<number, number>[];
  readonly members: readonly MemberHistory[];
  readonly readings: readonly Reading[];
  /** The time in which the monitor read. `gapMaxMs`: the longest time that may pass between two readings. */
  readonly monitored: { readonly fromMs: number; readonly toMs: number; readonly gapMaxMs: number };
  /** By partition: the committed offset that another client read after every member had left. */
  readonly final: ReadonlyMap<number, number>;
}

/** A member owned a partition from `fromMs` until `toMs`. */
export interface Ownership {
  readonly member: string;
  readonly partition: number;
  readonly fromMs: number;
  readonly toMs: number;
}

const SHOWN_MAX = 5;

const checks = {
  processed: unprocessed,
  order: outOfOrder,
  ownership: overlaps,
  monotone: commitsMovedBack,
  kept: commitsLost,
  monitored: unread,
  final: wrongFinal,
} satisfies Record<string, (history: GroupHistory) => string[]>;
export type CheckName = keyof typeof checks;

/**
 * Returns the violations. `excused`: the checks to leave out, because the client fails them by itself
 * (excuses.ts).
 */
export function judge(history: GroupHistory, excused: readonly CheckName[] = []): string[] {
  const names = (Object.keys(checks) as CheckName[]).filter((name) => !excused.includes(name));
  return names.flatMap((name) => checks[name](history));
}

export function unprocessed({ written, members }: GroupHistory): string[] {
  const processed = written.map(() => new Map<number, number>());
  for (const line of members.flatMap(({ lines }) => lines)) {
    if (line.e !== 'read') continue;
    line.o.forEach((offset, i) => void processed[line.p]?.set(offset, line.n[i] ?? -1));
  }
  return written.flatMap((records, partition) => {
    const missing: number[] = [];
    const wrong: string[] = [];
    for (const [offset, number] of records) {
      const seen = processed[partition]?.get(offset);
      if (seen === undefined) missing.push(offset);
      else if (seen !== number) wrong.push(`${offset} (number ${seen} instead of ${number})`);
    }
    return [
      ...some(missing, `partition ${partition}: no member processed the acknowledged offsets`),
      ...some(wrong, `partition ${partition}: processed with another number:`),
    ];
  });
}

export function outOfOrder({ members }: GroupHistory): string[] {
  const commits = acknowledged(members);
  return members.flatMap(({ name, lines }) => {
    const faults: string[] = [];
    /**
     * For each partition that the member owns: the next offset to process, and the time when the ownership
     * began. The offset is undefined before the first record.
     */
    const next = new Map<number, { offset: number | undefined; sinceMs: number }>();
    for (const line of lines) {
      if (line.e === 'assigned') {
        for (const p of line.p) next.set(p, { offset: undefined, sinceMs: line.t });
      } else if (line.e === 'revoked' || line.e === 'lost') {
        for (const p of line.p) next.delete(p);
      } else if (line.e === 'read') {
        const state = next.get(line.p);
        if (state === undefined) {
          faults.push(`${name} processed offset ${line.o[0]} of partition ${line.p} without owning it`);
          continue;
        }
        for (const offset of line.o) {
          const floor = commits.before(line.p, state.sinceMs);
          if (state.offset === undefined && offset < floor) {
            faults.push(`${name} began partition ${line.p} at ${offset}, behind the commit of ${floor}`);
          } else if (state.offset !== undefined && offset !== state.offset) {
            faults.push(
              `${name} processed offset ${offset} of partition ${line.p} instead of ${state.offset}`,
            );
          }
          state.offset = offset + 1;
        }
      }
    }
    return faults.slice(0, SHOWN_MAX);
  });
}

export function ownerships({ members }: Pick<GroupHistory, 'members'>): Ownership[] {
  return members.flatMap(({ name, lines, endedMs, pauses }) => {
    const done: Ownership[] = [];
    const since = new Map<number, number>();
    const end = (partition: number, toMs: number) => {
      const fromMs = since.get(partition);
      since.delete(partition);
      if (fromMs === undefined) return;
      // A pause ends the ownership, because afterwards the member may wrongly believe that it owns the
      // partition.
      const pause = pauses.find((one) => one.fromMs >= fromMs && one.fromMs <= toMs);
      done.push({ member: name, partition, fromMs, toMs: pause?.fromMs ?? toMs });
    };
    for (const line of lines) {
      if (line.e === 'assigned') {
        for (const partition of line.p) if (!since.has(partition)) since.set(partition, line.t);
      } else if (line.e === 'revoked' || line.e === 'lost') {
        for (const partition of line.p) end(partition, line.t);
      }
    }
    const last = endedMs ?? Number.POSITIVE_INFINITY;
    for (const partition of [...since.keys()]) end(partition, last);
    return done;
  });
}

export function overlaps(history: GroupHistory): string[] {
  const faults: string[] = [];
  const all = ownerships(history).sort((a, b) => a.partition - b.partition || a.fromMs - b.fromMs);
  for (const [i, one] of all.entries()) {
    for (const other of all.slice(i + 1)) {
      if (other.partition !== one.partition) break;
      if (other.fromMs >= one.toMs || other.member === one.member) continue;
      faults.push(
        `${one.member} and ${other.member} owned partition ${one.partition} together for ` +
          `${Math.min(one.toMs, other.toMs) - other.fromMs} ms`,
      );
    }
  }
  return faults.slice(0, SHOWN_MAX);
}

export function commitsMovedBack({ readings }: GroupHistory): string[] {
  const faults: string[] = [];
  const highest = new Map<number, number>();
  for (const { offsets } of readings) {
    for (const [partition, before] of highest) {
      const now = offsets.get(partition);
      if (now === undefined || now < before) {
        faults.push(`the committed offset of partition ${partition} moved back from ${before} to ${now}`);
      }
    }
    for (const [partition, offset] of offsets) highest.set(partition, offset);
  }
  return faults.slice(0, SHOWN_MAX);
}

export function commitsLost({ members, readings }: GroupHistory): string[] {
  const commits = acknowledged(members);
  return readings
    .flatMap(({ askedMs, offsets }) =>
      commits.partitions.flatMap((partition) => {
        const wanted = commits.before(partition, askedMs);
        const found = offsets.get(partition) ?? 0;
        return found < wanted
          ? [`partition ${partition}: a commit of ${wanted} was acknowledged, and ${found} was read later`]
          : [];
      }),
    )
    .slice(0, SHOWN_MAX);
}

/**
 * Finds long times without a reading. During such a time, a committed offset could move back or a commit
 * could be lost, and nobody would notice.
 */
export function unread({ readings, monitored: { fromMs, toMs, gapMaxMs } }: GroupHistory): string[] {
  const faults: string[] = [];
  let sinceMs = fromMs;
  for (const answeredMs of [...readings.map((reading) => reading.answeredMs), toMs]) {
    const gapMs = answeredMs - sinceMs;
    if (gapMs > gapMaxMs)
      faults.push(`the committed offsets were not read for ${gapMs} ms; the limit is ${gapMaxMs} ms`);
    sinceMs = answeredMs;
  }
  return faults.slice(0, SHOWN_MAX);
}

export function wrongFinal({ partitions, written, members, final }: GroupHistory): string[] {
  const commits = acknowledged(members);
  return Array.from({ length: partitions }, (_, partition) => partition).flatMap((partition) => {
    const end = Math.max(0, ...[...(written[partition]?.keys() ?? [])].map((offset) => offset + 1));
    const wanted = Math.max(end, commits.before(partition, Number.POSITIVE_INFINITY));
    const found = final.get(partition) ?? 0;
    return found === wanted
      ? []
      : [`partition ${partition}: ${found} is committed at the end, not ${wanted}`];
  });
}

/** The acknowledged commits, by partition. */
function acknowledged(members: readonly MemberHistory[]) {
  const all = new Map<number, { t: number; offset: number }[]>();
  for (const line of members.flatMap(({ lines }) => lines)) {
    if (line.e !== 'commit' || line.m !== undefined) continue;
    for (const [partition, offset] of Object.entries(line.o)) {
      const list = all.get(Number(partition)) ?? [];
      all.set(Number(partition), [...list, { t: line.t, offset }]);
    }
  }
  return {
    partitions: [...all.keys()],
    /** The highest offset whose commit was acknowledged before `timeMs`; 0 if there is none. */
    before: (partition: number, timeMs: number) =>
      Math.max(0, ...(all.get(partition) ?? []).filter(({ t }) => t < timeMs).map(({ offset }) => offset)),
  };
}

export interface Gaps {
  /** The partitions that one member owned during the whole window. */
  readonly partitions: readonly number[];
  /** The longest time between two processed records of such a partition, in the window. */
  readonly longestMs: number;
}

/** Finds the partitions that did not move in this window, and the longest pause among them. */
export function gapsOfUnmoved(history: Pick<GroupHistory, 'members'>, fromMs: number, toMs: number): Gaps {
  const kept = ownerships(history).filter((one) => one.fromMs <= fromMs && one.toMs >= toMs);
  let longestMs = 0;
  for (const { member, partition } of kept) {
    const lines = history.members.find(({ name }) => name === member)?.lines ?? [];
    const times = lines.flatMap((line) => (line.e === 'read' && line.p === partition ? [line.t] : []));
    const inside = times.filter((t) => t > fromMs && t < toMs);
    const marks = [times.findLast((t) => t <= fromMs) ?? fromMs, ...inside, toMs];
    for (const [i, mark] of marks.entries()) longestMs = Math.max(longestMs, mark - (marks[i - 1] ?? mark));
  }
  return {
    partitions: [...new Set(kept.map(({ partition }) => partition))].sort((a, b) => a - b),
    longestMs,
  };
}

/** The members whose ownerships changed in this window, except the members in `except`. */
export function changedIn(
  history: Pick<GroupHistory, 'members'>,
  fromMs: number,
  toMs: number,
  except: readonly string[],
): string[] {
  return history.members
    .filter(({ name }) => !except.includes(name))
    .filter(({ lines }) => lines.some((line) => isChange(line) && line.t >= fromMs && line.t < toMs))
    .map(({ name }) => name);
}

/** True if the line changes an ownership. Some clients also report an assignment that adds nothing. */
function isChange(line: MemberLine): boolean {
  return (line.e === 'assigned' || line.e === 'revoked' || line.e === 'lost') && line.p.length > 0;
}

function some(faults: readonly (number | string)[], text: string): string[] {
  if (faults.length === 0) return [];
  const more = faults.length > SHOWN_MAX ? ` and ${faults.length - SHOWN_MAX} more` : '';
  return [`${text} ${faults.slice(0, SHOWN_MAX).join(', ')}${more}`];
}
