/**
 * Goal: after any history of commits, removals, expiries and topic deletions, a shard has the same offsets as
 * its twin (a simple model). A second shard that loads the records has these offsets, too. Method: random
 * histories. The twin keeps a flat list, and needs neither slices nor records.
 */
import type { Uuid, WallMillis } from '@millrace/base';
import { uuidAt } from '@millrace/base';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Expiry } from '../../src/offsets/expiry.ts';
import { config, ids, OffsetsShard, replaying, shown } from '../support/offsets-shard.ts';

const CHECK = config.retentionCheckIntervalMs;
const GROUPS = ['a', 'b', 'c'];
const TOPICS = ['orders', 'bills'];

const group = fc.constantFrom(...GROUPS);
const topic = fc.constantFrom(...TOPICS);
const partitions = fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      group,
      topic,
      partitions,
      offset: fc.nat(1000),
      epoch: fc.integer({ min: -1, max: 3 }),
      metadata: fc.constantFrom(null, '', 'm', '01234567890'),
      retentionMs: fc.constantFrom(-1, -1, -1, 0, 2 * CHECK, 9 * config.retentionMs),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      group,
      topic,
      partitions,
      isSubscribed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteGroup' as const), group }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('recreateTopic' as const), topic }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('rule' as const),
      group,
      rule: fc.constantFrom('never', 'since-commit', 'since-empty', 'subscribed'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('checks' as const), checks: fc.constantFrom(1, 2, 1008) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('replayAgain' as const) }) },
);

interface TwinOffset {
  group: string;
  topic: string;
  partition: number;
  text: string;
  at: WallMillis;
  expires: WallMillis | undefined;
}

class Twin {
  offsets: TwinOffset[] = [];
  readonly rules = new Map<string, { kind: string; since: WallMillis }>();

  put(offset: TwinOffset): void {
    this.drop((known) => sameKey(known, offset));
    this.offsets.push(offset);
  }

  drop(isDropped: (offset: TwinOffset) => boolean): void {
    this.offsets = this.offsets.filter((offset) => !isDropped(offset));
  }

  check(now: WallMillis): void {
    this.drop(({ group, topic, at, expires }) => {
      const { kind, since } = this.rules.get(group) ?? { kind: 'since-commit', since: 0 };
      if (kind === 'never' || (kind === 'subscribed' && topic === 'orders')) return false;
      if (expires !== undefined) return now >= expires;
      return now - (kind === 'since-empty' ? since : at) >= config.retentionMs;
    });
  }

  lines(group: string): string[] {
    return this.offsets
      .filter((offset) => offset.group === group)
      .map(({ topic, partition, text }) => `${topic}-${partition} ${text}`)
      .sort();
  }
}

const sameKey = (a: TwinOffset, b: TwinOffset) =>
  a.group === b.group && a.topic === b.topic && a.partition === b.partition;

function ruleOf(kind: string, since: WallMillis): Expiry {
  if (kind === 'never') return { kind };
  if (kind === 'since-empty') return { kind, emptySinceMs: since };
  return { kind: 'since-commit', isSubscribed: (name) => kind === 'subscribed' && name === 'orders' };
}

function linesOf(shard: OffsetsShard, group: string): string[] {
  let lines: string[] = [];
  shard.offsets.fetch(group, null, false, (result) => {
    const text = shown(result);
    lines = text === 'nothing' ? [] : text.split(', ').sort();
  });
  return lines;
}

it('a shard has the same offsets as its twin, and so has a second shard that loads the records', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const shard = new OffsetsShard(true);
      const twin = new Twin();
      const { port, offsets } = shard;
      let topics = 0;
      for (const action of steps) {
        const now = port.wallMs();
        switch (action.kind) {
          case 'commit': {
            const { group, topic, offset, epoch, metadata, retentionMs } = action;
            const committed = { offset, epoch, metadata };
            shard.commit(
              group,
              topic,
              Object.fromEntries(action.partitions.map((partition) => [partition, committed])),
              retentionMs,
            );
            if ((metadata?.length ?? 0) > config.metadataMaxChars) break;
            const expires = retentionMs === -1 ? undefined : now + retentionMs;
            const shownEpoch = epoch === -1 || expires !== undefined ? '' : ` epoch ${epoch}`;
            const text = `${offset}${shownEpoch}${metadata ? ` "${metadata}"` : ''}`;
            for (const partition of action.partitions)
              twin.put({ group, topic, partition, text, at: now, expires });
            break;
          }
          case 'delete': {
            const { group, topic, partitions, isSubscribed } = action;
            shard.delete(group, { [topic]: partitions }, isSubscribed ? [topic] : []);
            twin.drop(
              (known) =>
                !isSubscribed &&
                known.group === group &&
                known.topic === topic &&
                partitions.includes(known.partition),
            );
            break;
          }
          case 'deleteGroup':
            offsets.deleteGroup(
              action.group,
              () => [],
              () => {},
            );
            twin.drop(({ group }) => group === action.group);
            break;
          case 'recreateTopic': {
            offsets.metadataChanged(shard.deleteTopic(action.topic));
            const id: Uuid = uuidAt(ids[action.topic]!, ++topics);
            offsets.metadataChanged(shard.createTopic(action.topic, id));
            twin.drop(({ topic }) => topic === action.topic);
            break;
          }
          case 'rule':
            shard.expiry.set(action.group, ruleOf(action.rule, now));
            twin.rules.set(action.group, { kind: action.rule, since: now });
            break;
          case 'checks':
            for (let check = 0; check < action.checks; check++) {
              port.advance(CHECK);
              twin.check(port.wallMs());
            }
            break;
          case 'replayAgain':
            for (const record of port.decisions.at(-1) ?? []) replaying(offsets).replay(record);
            break;
        }
        for (const group of GROUPS) expect(linesOf(shard, group)).toEqual(twin.lines(group));
        expect(offsets.size).toBe(twin.offsets.length);
      }
      const loaded = new OffsetsShard(true);
      loaded.port.metadata = port.metadata;
      port.loadInto(replaying(loaded.offsets));
      const everything = (of: OffsetsShard) => {
        const all = Array.from(of.offsets.byGroup, ([group, { topics }]) =>
          Array.from(topics, ([topic, offsets]) =>
            offsets.map((offset) => `${group} ${topic} ${JSON.stringify(offset)}`),
          ),
        );
        return all.flat(2).sort();
      };
      expect(everything(loaded)).toEqual(everything(shard));
    }),
    { numRuns: 300 },
  );
});
