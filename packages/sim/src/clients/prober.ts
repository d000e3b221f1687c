/**
 * A client that now and then sends an odd or invalid request, one after another, and knows Kafka's answer:
 * any other answer fails the run (`wrong-error`). It writes only to a topic of its own, and nothing to the
 * history.
 */
import type { Millis, Random } from '@millrace/base';
import type { ClusterView } from '@millrace/client';
import { apis, ErrorCode, errorName } from '@millrace/protocol';
import { openConnection } from './broker-connection.ts';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';
import { type Probe, type ProbeTools, probes, recordProbes } from './probes/index.ts';

export interface ProberOptions {
  readonly topic: string;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
  readonly paceMs: () => Millis;
  readonly requestTimeoutMs: Millis;
  /** Whether faults harmed its topic beyond the contract: then nothing is promised about its records. */
  readonly isHarmed: () => boolean;
}

const CREATE_TIMEOUT_MS = 1_000;
/** One in this many probes is followed by a probe of records. */
const RECORD_PROBE_ONE_IN = 6;

export class Prober {
  readonly name: string;
  private readonly env: ClientEnv;
  private readonly options: ProberOptions;
  private readonly metadata: ClusterView;
  /**
   * Draws whether a probe of records comes next, and which. A source of its own, so that the other probes
   * stay the same.
   */
  private readonly recordDraws: Random;
  /** The remaining probes of this round, the next one last. */
  private round: Probe[] = [];
  private exists = false;
  private isAsking = false;
  private isStopping = false;

  constructor(env: ClientEnv, options: ProberOptions) {
    this.name = env.name;
    this.env = env;
    this.options = options;
    this.recordDraws = env.random.fork('record probes');
    this.metadata = clusterViewOf(env, {
      timeoutMs: options.requestTimeoutMs,
      wanted: () => (this.exists ? [options.topic] : []),
      changed: () => {},
    });
  }

  start(): void {
    this.metadata.start();
    this.think();
  }

  stop(): void {
    this.isStopping = true;
  }

  /** No request is open. Every request ends: with its answer, or with its connection. */
  get isIdle(): boolean {
    return !this.isAsking;
  }

  private think(): void {
    const { random, life } = this.env;
    life.clock.setTimer(1 + random.below(2 * this.options.paceMs()), () => {
      if (this.isStopping) return;
      if (this.exists) this.probe();
      else this.createTopic();
    });
  }

  private createTopic(): void {
    const connection = this.metadata.anyConnection();
    if (connection === undefined) {
      this.think();
      return;
    }
    const { topic, replicationFactor, configs } = this.options;
    const wanted = {
      name: topic,
      numPartitions: 1,
      replicationFactor,
      assignments: [],
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    };
    const request = { topics: [wanted], timeoutMs: CREATE_TIMEOUT_MS, validateOnly: false };
    this.isAsking = true;
    connection.request(apis.createTopics, 7, request, (response) => {
      this.isAsking = false;
      const code = response?.topics[0]?.errorCode;
      countError(this.env, code ?? 0);
      this.exists = code === ErrorCode.NONE || code === ErrorCode.TOPIC_ALREADY_EXISTS;
      this.metadata.refresh();
      this.think();
    });
  }

  private probe(): void {
    const tools = this.tools();
    if (tools === undefined) {
      this.metadata.refresh();
      this.think();
      return;
    }
    if (this.round.length === 0) this.round = this.shuffled();
    this.ask(this.round.pop()!, tools, true);
  }

  private ask(probe: Probe, tools: ProbeTools, isOfRound: boolean): void {
    this.isAsking = true;
    this.env.world.count(`probe ${probe.name}`);
    probe.ask(tools, (answer) => {
      this.isAsking = false;
      this.answered(probe, answer);
      if (isOfRound && this.recordDraws.below(RECORD_PROBE_ONE_IN) === 0) this.probeRecords();
      else this.think();
    });
  }

  /** Sends a probe of records over the current connection. */
  private probeRecords(): void {
    this.env.life.clock.setTimer(1, () => {
      const tools = this.isStopping ? undefined : this.tools();
      if (tools === undefined) this.think();
      else this.ask(recordProbes[this.recordDraws.below(recordProbes.length)]!, tools, false);
    });
  }

  private answered(probe: Probe, answer: number | 'closed' | undefined): void {
    const { env } = this;
    if (answer === undefined) return;
    const said = answer === 'closed' ? answer : errorName(answer);
    env.world.count(`probe ${probe.name} answered ${said}`);
    if (answer !== 'closed') countError(env, answer);
    if (answer === ErrorCode.NOT_LEADER_OR_FOLLOWER) this.metadata.refresh();
    const allowed: readonly (number | string)[] = [...probe.expected, ...probe.troubles];
    if (allowed.includes(answer) || (probe.remembers === true && this.options.isHarmed())) return;
    const expected = probe.expected.map((one) => (one === 'closed' ? one : errorName(one))).join(' or ');
    env.world.fail('wrong-error', `${probe.name} was answered ${said}, and not ${expected}`);
  }

  /** Undefined: there is no known or reachable leader now. */
  private tools(): ProbeTools | undefined {
    const { env, metadata, options } = this;
    const known = metadata.topics.get(options.topic);
    const partition = known?.partitions[0];
    if (known === undefined || partition === undefined || partition.leaderId < 0) return undefined;
    const { leaderId, leaderEpoch } = partition;
    const leader = metadata.connectionTo(leaderId);
    if (leader === undefined) return undefined;
    const others = metadata.brokerIds.filter((id) => id !== leaderId);
    const other = others.length === 0 ? undefined : others[env.random.below(others.length)]!;
    return {
      env,
      topic: { name: options.topic, topicId: known.topicId, leaderEpoch },
      leader,
      other: other === undefined ? undefined : metadata.connectionTo(other),
      open: (changed) => {
        const address = env.bootstrap[env.random.below(env.bootstrap.length)]!;
        return openConnection(env, address, options.requestTimeoutMs, changed);
      },
      wrong: (sentence) => {
        if (!options.isHarmed()) env.world.fail('wrong-error', `${env.name}: ${sentence}`);
      },
    };
  }

  private shuffled(): Probe[] {
    const round = [...probes];
    for (let i = round.length - 1; i > 0; i--) {
      const j = this.env.random.below(i + 1);
      [round[i], round[j]] = [round[j]!, round[i]!];
    }
    return round;
  }
}
