/** A running member: its process, everything that it printed, and the partitions that it owns now. */
import { type Launched, launch } from '../lib/exec.ts';
import { type MemberLine, type MemberSettings, memberArguments, parseLine } from './member-lines.ts';

const STOP_LIMIT_MS = 20_000;

export class Member {
  readonly name: string;
  readonly settings: MemberSettings;
  readonly lines: MemberLine[] = [];
  readonly startedMs = Date.now();
  /** The partitions that the member owns, each with the time at which the member got the partition. */
  readonly owned = new Map<number, number>();
  /**
   * By partition: the time when the member processed the partition's last record, and the offset after this
   * record.
   */
  readonly read = new Map<number, { readonly t: number; readonly next: number }>();
  /** By partition: the time and the offset of the last acknowledged commit. */
  readonly committed = new Map<number, { readonly t: number; readonly offset: number }>();
  /** The time of the last change of `owned`. */
  changedMs = 0;
  /**
   * False after the test has stopped, killed or paused the member. After a pause, `resume` makes it true
   * again.
   */
  isLive = true;
  /** When the test killed the member, or when it ended; undefined while it runs. */
  endedMs: number | undefined;
  readonly pauses: { readonly fromMs: number; toMs: number | undefined }[] = [];
  readonly #program: Launched;

  constructor(name: string, settings: MemberSettings, [program, args]: readonly [string, readonly string[]]) {
    this.name = name;
    this.settings = settings;
    this.#program = launch(program, [...args, ...memberArguments(settings)], (line) =>
      this.#hear(parseLine(line)),
    );
    void this.#program.ended.then(() => {
      this.endedMs ??= Date.now();
    });
  }

  #hear(line: MemberLine): void {
    this.lines.push(line);
    if (line.e === 'assigned') {
      for (const partition of line.p) this.owned.set(partition, line.t);
      if (line.p.length > 0) this.changedMs = line.t;
    } else if (line.e === 'revoked' || line.e === 'lost') {
      for (const partition of line.p) this.owned.delete(partition);
      if (line.p.length > 0) this.changedMs = line.t;
    } else if (line.e === 'read') {
      this.read.set(line.p, { t: line.t, next: (line.o.at(-1) ?? -1) + 1 });
    } else if (line.e === 'commit' && line.m === undefined) {
      for (const [partition, offset] of Object.entries(line.o)) {
        this.committed.set(Number(partition), { t: line.t, offset });
      }
    }
  }

  get hasEnded(): boolean {
    return this.endedMs !== undefined;
  }

  /** Makes the member leave the group and end. */
  async stop(): Promise<void> {
    this.isLive = false;
    this.#program.closeInput();
    const timer = setTimeout(() => this.#program.kill(), STOP_LIMIT_MS);
    const code = await this.#program.ended;
    clearTimeout(timer);
    if (code !== 0 || this.lines.at(-1)?.e !== 'closed') {
      throw new Error(`${this.name} ended with ${code}: ${this.lastWords()}`);
    }
  }

  /** Ends the member with kill -9. */
  async kill(): Promise<void> {
    this.isLive = false;
    this.endedMs ??= Date.now();
    this.#program.kill();
    await this.#program.ended;
  }

  pause(): void {
    this.isLive = false;
    this.pauses.push({ fromMs: Date.now(), toMs: undefined });
    this.#program.kill('SIGSTOP');
  }

  resume(): void {
    const pause = this.pauses.at(-1);
    if (pause !== undefined) pause.toMs = Date.now();
    this.isLive = true;
    this.#program.kill('SIGCONT');
  }

  /** The last errors of the member, for an error message. */
  lastWords(): string {
    const errors = this.lines.filter(
      (line) => line.e === 'error' || (line.e === 'commit' && line.m !== undefined),
    );
    const shown = errors.slice(-3).map((line) => JSON.stringify(line));
    return [...shown, this.#program.errors().slice(-1500)].join('\n');
  }
}
