/**
 * Goal: only dynamic settings of brokers change. min.insync.replicas follows Kafka's rules. A change for all
 * brokers acts on the partitions of topics that inherit the setting. Method: transcripts on a quorum played
 * by hand, with a small table of settings.
 */
import type { BrokerSetting } from '@millrace/metadata';
import { ConfigResourceType, ErrorCode } from '@millrace/protocol';
import { describe, expect, test } from 'vitest';
import { alter, type Change, codes } from '../support/alter.ts';
import { Harness } from '../support/harness.ts';

function setting(isDynamic: boolean, defaultList?: string): BrokerSetting {
  return { isDynamic, defaultList, check: (value) => (value === 'bad' ? "must not be 'bad'" : undefined) };
}

const brokerSettings = new Map<string, BrokerSetting>([
  ['node.id', setting(false)],
  ['broker.rack', setting(false)],
  ['max.connections', setting(true)],
  ['log.cleanup.policy', setting(true, 'delete')],
  ['min.insync.replicas', setting(true)],
  ['unclean.leader.election.enable', setting(true)],
  ['ssl.key.password', { ...setting(true), isSensitive: true }],
]);

function harness(minInsyncReplicas = 1): Harness {
  return new Harness({ brokerSettings, nodeId: 1 }, [1, 2, 3], { minInsyncReplicas });
}

function alterBroker(h: Harness, name: string, ...changes: Change[]) {
  const answer = alter(h, [{ type: ConfigResourceType.BROKER, name, changes }]);
  h.commit();
  return answer.value?.responses[0];
}

const set = (h: Harness, name: string) => Object.fromEntries(h.active.image.brokerConfig(name));

describe('a dynamic setting', () => {
  test('that is secret stays hidden in the log', () => {
    const h = harness();
    alterBroker(h, '1', ['SET', 'ssl.key.password', 'old']);
    alterBroker(h, '1', ['SET', 'ssl.key.password', 'new']);
    const facts = h.logger.events.filter(({ event }) => event === 'config-altered').at(-1)?.facts;
    expect(facts).toMatchObject({ config: 'ssl.key.password', from: '[hidden]', to: '[hidden]' });
  });

  test.each(['1', ''])("changes for broker '%s', and is reset", (name) => {
    const h = harness();
    alterBroker(h, name, ['SET', 'max.connections', '7'], ['APPEND', 'log.cleanup.policy', 'compact']);
    expect(set(h, name)).toEqual({ 'max.connections': '7', 'log.cleanup.policy': 'delete,compact' });
    expect(alterBroker(h, name, ['DELETE', 'max.connections'])?.errorCode).toBe(0);
    expect(set(h, name)).toEqual({ 'log.cleanup.policy': 'delete,compact' });
  });

  const { INVALID_REQUEST, INVALID_CONFIG } = ErrorCode;
  test.each([
    ['1', ['SET', 'no.such', '1'], INVALID_REQUEST, 'unknown broker config no.such'],
    ['1', ['SET', 'node.id', '1'], INVALID_REQUEST, 'Cannot update these configs dynamically: [node.id]'],
    ['', ['SET', 'broker.rack', 'x'], INVALID_REQUEST, 'dynamically: [broker.rack]'],
    [
      '',
      ['SET', 'max.connections', 'bad'],
      INVALID_REQUEST,
      "invalid value 'bad' for config max.connections",
    ],
    ['', ['APPEND', 'max.connections', '1'], INVALID_CONFIG, 'max.connections, because it is not a list'],
    ['9', ['SET', 'max.connections', '1'], INVALID_REQUEST, "there is no broker '9'"],
    ['01', ['SET', 'max.connections', '1'], INVALID_REQUEST, "there is no broker '01'"],
    ['one', ['SET', 'max.connections', '1'], INVALID_REQUEST, "there is no broker 'one'"],
    ['1', ['SET', 'min.insync.replicas', '2'], INVALID_CONFIG, 'Broker-level min.insync.replicas'],
    ['1', ['DELETE', 'min.insync.replicas'], INVALID_CONFIG, 'Broker-level min.insync.replicas'],
    ['', ['DELETE', 'min.insync.replicas'], INVALID_CONFIG, 'Cluster-level min.insync.replicas'],
  ] as const)("of broker '%s': %s is refused", (name, change, errorCode, text) => {
    const h = harness();
    expect(alterBroker(h, name, change)).toMatchObject({
      errorCode,
      errorMessage: expect.stringContaining(text),
    });
    expect([set(h, '1'), set(h, '')]).toEqual([{}, {}]);
  });

  test('AlterConfigs cannot remove the min.insync.replicas of all brokers', () => {
    const h = harness();
    expect(alterBroker(h, '', ['SET', 'min.insync.replicas', '2'])?.errorCode).toBe(0);
    const resource = { resourceType: ConfigResourceType.BROKER, resourceName: '', configs: [] };
    const answers: number[] = [];
    const info = { version: 2, clientId: null };
    h.active.alterConfigs({ resources: [resource], validateOnly: false }, info, h.now, (response) =>
      answers.push(response.responses[0]!.errorCode),
    );
    expect([answers, set(h, '')]).toEqual([[INVALID_CONFIG], { 'min.insync.replicas': '2' }]);
  });
});

describe('a setting of all brokers', () => {
  const elr = (h: Harness, topic: string) => h.active.image.topic(topic)!.partitions[0]!.elr;

  test('min.insync.replicas empties the ELR of the topics that inherit it', () => {
    const h = harness(2);
    h.topic('inherits', [1, 2, 3]);
    h.topic('sets', [1, 2, 3]);
    alter(h, [{ name: 'sets', changes: [['SET', 'min.insync.replicas', '2']] }]);
    h.commit();
    h.kill(3);
    h.kill(2);
    expect([elr(h, 'inherits'), elr(h, 'sets')]).toEqual([[2], [2]]);
    alterBroker(h, '', ['SET', 'min.insync.replicas', '1']);
    expect([elr(h, 'inherits'), elr(h, 'sets')]).toEqual([[], [2]]);
  });

  test('min.insync.replicas decides who joins the ELR, and overrides what the leader registered', () => {
    const h = harness(1);
    h.topic('t', [1, 2]);
    alterBroker(h, '', ['SET', 'min.insync.replicas', '2']);
    h.kill(2);
    expect(elr(h, 't')).toEqual([2]);
  });

  // The controller reads the configs of its own node, as in Kafka.
  test.each(['', '1'])("unclean.leader.election.enable of '%s' elects at once", (name) => {
    const h = harness();
    h.topic('t', [1, 2]);
    h.kill(2);
    h.kill(1);
    h.heartbeat(2);
    h.commit();
    alterBroker(h, name, ['SET', 'unclean.leader.election.enable', 'true']);
    expect(h.show('t')).toBe('leader 2 isr 2 epochs 2/3');
  });

  test('shows in the answer to CreateTopics', () => {
    const h = harness();
    h.createTopics([{ name: 'before' }]);
    alterBroker(h, '', ['SET', 'min.insync.replicas', '2']);
    const created = h.createTopics([{ name: 'after' }]);
    h.commit();
    const config = created.value?.topics[0]?.configs?.find(({ name }) => name === 'min.insync.replicas');
    expect(config).toMatchObject({ value: '2', configSource: 3 });
  });
});

test('one request alters topics and brokers', () => {
  const h = harness();
  h.topic('t', [1]);
  const answer = alter(h, [
    { name: 't', changes: [['SET', 'retention.ms', '1']] },
    { type: ConfigResourceType.BROKER, name: '', changes: [['SET', 'max.connections', '3']] },
  ]);
  h.commit();
  expect([codes(answer), set(h, '')]).toEqual([[0, 0], { 'max.connections': '3' }]);
});
