import { describe, expect, it } from 'vitest';
import { oldTopicRead } from '../../src/anomalies/old-topic-read.ts';
import { judge, logOf, NEW, OLD, poll, send, two } from '../support/histories.ts';

describe('old-topic-read', () => {
  const old = send(['p1-0'], { topicId: OLD });
  const readIn = (topicId: typeof OLD | undefined) => poll(0, [[0, 'p1-0']], { topicId });

  it('finds a consumer of the new topic that gets a record of the deleted one', () => {
    const found = `old-topic-read: q1 read p1-0 at 0 of t-0 (topic id ${NEW}), and it was sent to the topic id ${OLD}`;
    expect(judge(oldTopicRead, [old, readIn(NEW)])).toBe(found);
    expect(judge(oldTopicRead, [readIn(NEW), old])).toBe(found);
    expect(judge(oldTopicRead, [old, readIn(OLD)])).toBeUndefined();
    expect(judge(oldTopicRead, [readIn(OLD), old])).toBeUndefined();
  });

  it('finds a value that was read from both topics before its send ended', () => {
    const found = `old-topic-read: q1 read p1-0 at 0 of t-0 (topic id ${NEW}), and it was sent to the topic id ${OLD}`;
    expect(judge(oldTopicRead, [readIn(OLD), readIn(NEW), old])).toBe(found);
    expect(judge(oldTopicRead, [readIn(NEW), readIn(OLD), old])).toBe(found);
    expect(judge(oldTopicRead, [readIn(OLD), readIn(OLD), old])).toBeUndefined();
  });

  it('finds a record of the deleted topic in the log of the new one, even if the topic is exempt', () => {
    expect(judge(oldTopicRead, [old], { logs: [logOf(NEW, ['p1-0'])], exempt: ['t'] })).toMatch(
      /^old-topic-read: the log has p1-0 at 0 of t-0/,
    );
    expect(judge(oldTopicRead, [old], { logs: [logOf(OLD, ['p1-0'])] })).toBeUndefined();
  });

  it('skips reads and sends without a topic id, and values that may have reached both topics', () => {
    expect(judge(oldTopicRead, [old, readIn(undefined)], { logs: [two] })).toBeUndefined();
    const stray = send(['p1-0'], { topicId: OLD, mayStray: true });
    expect(judge(oldTopicRead, [stray, readIn(NEW)])).toBeUndefined();
    const hidden = send(['p1-0']);
    expect(judge(oldTopicRead, [hidden, readIn(NEW)])).toBeUndefined();
  });
});
