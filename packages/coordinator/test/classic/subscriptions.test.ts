import { consumerProtocolSubscription } from '@millrace/protocol';
import { expect, it } from 'vitest';
import { Subject, utf8 } from '../support/classic-group.ts';

function subscription(version: number, ...topics: string[]): Uint8Array {
  return consumerProtocolSubscription.encode(version, { topics });
}

/**
 * A subscription with the version number 1, but without the field that version 1 adds. Some clients write
 * this.
 */
function truncatedVersion1(topic: string): Uint8Array {
  const bytes = subscription(0, topic);
  bytes[1] = 1;
  return bytes;
}

function groupOf(...metadata: Uint8Array[]): Subject {
  const s = new Subject();
  for (const [index, bytes] of metadata.entries())
    s.join(`m${index}`, { version: 3, protocols: [['range', bytes]] });
  s.pass(6000);
  return s;
}

it('reads the topics of all members', () => {
  const newer = subscription(3, 'c');
  newer[1] = 9;
  const { group } = groupOf(subscription(0, 'a'), subscription(3, 'a', 'b'), truncatedVersion1('d'), newer);
  const topics = ['a', 'b', 'c', 'd', 'x'];
  expect(topics.filter((topic) => group.isSubscribedTo(topic))).toEqual(['a', 'b', 'c', 'd']);
});

it('counts every topic as subscribed when a subscription is not readable', () => {
  const negative = subscription(0, 'a');
  negative[0] = 0xff;
  for (const bytes of [utf8('?'), utf8('not a subscription'), negative, new Uint8Array(0)]) {
    const { group } = groupOf(subscription(0, 'a'), bytes);
    expect(group.isSubscribedTo('x')).toBe(true);
  }
});

it('counts no topic as subscribed when the protocol type is not consumer', () => {
  const s = new Subject();
  s.join('a', { version: 3, protocolType: 'connect', protocols: [['eager', subscription(0, 'a')]] });
  s.pass(3000);
  expect(s.group.isSubscribedTo('a')).toBe(false);
});

it('an empty group subscribes to nothing', () => {
  const s = groupOf(subscription(0, 'a'));
  s.pass(10_000);
  expect([s.group.isEmpty, s.group.isSubscribedTo('a')]).toEqual([true, false]);
});

it('reads the subscriptions of a loaded group', () => {
  const s = groupOf(subscription(0, 'a'));
  s.sync('m0', s.group.leaderId!, 1);
  s.fail();
  expect(['a', 'x'].filter((topic) => s.group.isSubscribedTo(topic))).toEqual(['a']);
});
