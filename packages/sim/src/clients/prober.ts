/**
 * A client that sends probes (`probes/`), one at a time, with random pauses. A probe is a request whose
 * answer depends on the state of the cluster, together with the answers that Kafka would give. Any other
 * answer fails the run (`wrong-error`). The prober produces only to a topic of its own, and writes nothing to
 * the history.
 */
import type { Millis } from '@millrace/base';
import type { ClusterView } from '@millrace/client';
import { apis, ErrorCode, errorName } from '@millrace/protocol';
import { clusterViewOf } from './cluster-view.ts';
import { type ClientEnv, countError } from './env.ts';
import { type Probe, type ProbeTools, probes } from './probes/index.ts';

export interface ProberOptions {
  readonly topic: string;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
  /** Average pause between two probes. */
  readonly paceMs: Millis;
  readonly requestTimeoutMs: Millis;
  /**
   * Whether the prober's topic may have lost more than the durability contract allows. Then the contract
   * promises nothing about the records of the topic.
   */
  readonly isHarmed: () => boolean;
}

const CREATE_TIMEOUT_MS = 1_000;

export class Prober {
  readonly name: string;
  private readonly env: ClientEnv;
  private readonly options: ProberOptions;
  private readonly metadata: ClusterView;
  /** The remaining probes of this round, the next one last. */
  private round: Probe[] = [];
  private exists = false;
  private isAsking = false;
  private isStopping = false;

  constructor(env: ClientEnv, options: ProberOptions) {
    this.name = env.name;
    this.env = env;
    this.options = options;
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

  /** Whether no request is open. Every request ends with an answer, or when its connection breaks. */
  get isIdle(): boolean {
    return !this.isAsking;
  }

  private think(): void {
    const { random, life } = this.env;
    life.clock.setTimer(1 + random.below(2 * this.options.paceMs), () => {
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
    this.ask(this.round.pop()!, tools);
  }

  private ask(probe: Probe, tools: ProbeTools): void {
    this.isAsking = true;
    this.env.world.count(`probe ${probe.name}`);
    probe.ask(tools, (answer) => {
      this.isAsking = false;
      this.answered(probe, answer);
      this.think();
    });
  }

  private answered(probe: Probe, answer: number | undefined): void {
    const { env } = this;
    if (answer === undefined) return;
    const said = errorName(answer);
    env.world.count(`probe ${probe.name} answered ${said}`);
    countError(env, answer);
    if (answer === ErrorCode.NOT_LEADER_OR_FOLLOWER) this.metadata.refresh();
    const allowed: readonly number[] = [...probe.expected, ...probe.troubles];
    if (allowed.includes(answer) || (probe.remembers === true && this.options.isHarmed())) return;
    const expected = probe.expected.map(errorName).join(' or ');
    env.world.fail('wrong-error', `${probe.name} was answered ${said}, and not ${expected}`);
  }

  /** Undefined while the leader is unknown, or the prober has no connection to it. */
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
