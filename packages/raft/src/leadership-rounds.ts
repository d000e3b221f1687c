/**
 * Callers that wait for the proof that this node still leads. A round (leader.ts, startRound) gives this
 * proof. One round is in flight at a time. Calls that arrive during a round share the next round, so that the
 * heartbeats of many brokers cost few exchanges. `ask` never calls `done` before it returns.
 */
import type { Clock } from '@millrace/base';

type Done = (leads: boolean) => void;

export class LeadershipRounds {
  private readonly clock: Pick<Clock, 'soon'>;
  private readonly startRound: () => number | undefined;
  private readonly sendRound: () => void;
  private next: Done[] = [];
  private running: { readonly askers: readonly Done[]; readonly round: number } | undefined;
  private isScheduled = false;

  /**
   * `startRound` begins a round and returns its number, or undefined when this node does not lead.
   * `sendRound` may call `confirmed` before it returns.
   */
  constructor(clock: Pick<Clock, 'soon'>, startRound: () => number | undefined, sendRound: () => void) {
    this.clock = clock;
    this.startRound = startRound;
    this.sendRound = sendRound;
  }

  ask(done: Done): void {
    this.next.push(done);
    this.schedule();
  }

  confirmed(round: number): void {
    const { running } = this;
    if (running === undefined || running.round > round) return;
    this.running = undefined;
    for (const done of running.askers) done(true);
    this.schedule();
  }

  leadershipEnded(): void {
    const askers = [...(this.running?.askers ?? []), ...this.next];
    this.running = undefined;
    this.next = [];
    for (const done of askers) done(false);
  }

  private schedule(): void {
    if (this.isScheduled || this.running !== undefined || this.next.length === 0) return;
    this.isScheduled = true;
    this.clock.soon(() => {
      this.isScheduled = false;
      if (this.running === undefined && this.next.length > 0) this.start();
    });
  }

  private start(): void {
    const round = this.startRound();
    if (round === undefined) {
      this.leadershipEnded();
      return;
    }
    this.running = { askers: this.next, round };
    this.next = [];
    this.sendRound();
  }
}
