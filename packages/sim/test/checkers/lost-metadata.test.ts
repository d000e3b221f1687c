import type { MetadataImage } from '@millrace/metadata';
import { withoutTopicName, withTopic } from '@millrace/metadata/testing';
import { describe, expect, it } from 'vitest';
import { lostMetadata } from '../../src/checkers/lost-metadata.ts';
import { decree, SmallCluster, violationOf } from '../support/small-cluster.ts';

describe('lost-metadata', () => {
  it('sees a topic that is missing, or has another id, or fewer partitions', () => {
    const id = (image: MetadataImage) => image.topic('t')!.id;
    const gone = (image: MetadataImage) => withoutTopicName(image, 't');
    const renamed = (image: MetadataImage) =>
      withTopic(image, id(image), { ...image.topic('t')!, id: 'other' as never });
    const shrunk = (image: MetadataImage) =>
      withTopic(image, id(image), { ...image.topic('t')!, partitions: [] });
    for (const [change, what] of [
      [gone, /t does not exist/],
      [renamed, /t has another id/],
      [shrunk, /t had 1 partitions and has 0/],
    ] as const) {
      const small = new SmallCluster([lostMetadata]);
      expect(violationOf(() => small.finish())).toBeUndefined();
      decree(small, change);
      const found = violationOf(() => small.finish());
      expect(found).toMatch(/^lost-metadata: /);
      expect(found).toMatch(what);
      small.exempt.add('t');
      expect(violationOf(() => small.finish())).toBeUndefined();
    }
  });

  it('sees a topic that exists although its deletion was acknowledged', () => {
    const small = new SmallCluster([lostMetadata]);
    const topic = small.cluster.image().topic('t')!;
    let isDone = false;
    small.admin.deleteTopic('t', () => {
      isDone = true;
    });
    small.until(() => isDone);
    expect(violationOf(() => small.finish())).toBeUndefined();
    decree(small, (image) => withTopic(image, topic.id, topic));
    expect(violationOf(() => small.finish())).toMatch(
      /^lost-metadata: t exists, but its deletion was acknowledged/,
    );
  });

  it('judges a deleted topic and the next topic of its name separately', () => {
    const small = new SmallCluster([lostMetadata]);
    const old = small.cluster.image().topic('t')!;
    small.createAgain('t');
    expect(violationOf(() => small.finish())).toBeUndefined();
    const now = small.cluster.image();
    decree(small, (image) => withTopic(withoutTopicName(image, 't'), old.id, old));
    expect(violationOf(() => small.finish())).toMatch(/^lost-metadata: t does not exist/);
    decree(small, () => now);
    expect(violationOf(() => small.finish())).toBeUndefined();
    decree(small, (image) => withoutTopicName(image, 't'));
    expect(violationOf(() => small.finish())).toBe(
      'lost-metadata: t does not exist, but it was acknowledged',
    );
  });
});
