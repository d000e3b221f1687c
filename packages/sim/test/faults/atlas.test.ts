import { expect, test } from 'vitest';
import { SECOND } from '../../src/world/index.ts';
import { SmallCluster } from '../support/small-cluster.ts';

function watched(): SmallCluster {
  const small = new SmallCluster([]);
  small.world.watchers.push(() => small.atlas.watch());
  return small;
}

test('a broker that lost data is recovering until its next process serves and is in every ISR', () => {
  const small = watched();
  const { atlas, world } = small;
  const [node] = small.followers;
  const { id } = node!;
  atlas.noteHarm(node!, { disk: false });
  small.run(1);
  expect(atlas.isRecovering(id)).toBe(true);
  node!.kill('process');
  small.until(() => !small.state.isr.includes(id));
  node!.start();
  const backUs: number[] = [];
  world.watchers.push(() => {
    if (node!.isReady && small.state.isr.includes(id)) backUs.push(world.nowUs);
    expect(atlas.isRecovering(id)).toBe(backUs.length === 0);
  });
  small.run(5);
  expect(backUs.length).toBeGreaterThan(0);
});

test('a broker has recovered even if `watch` was not called while the broker was in every ISR', () => {
  const small = watched();
  const { atlas } = small;
  const [node] = small.followers;
  const { id } = node!;
  atlas.noteHarm(node!, { disk: false });
  node!.kill('process');
  small.until(() => !small.state.isr.includes(id));
  node!.start();
  small.until(() => node!.isReady && small.state.isr.includes(id));
  node!.life!.pause();
  small.until(() => !small.state.isr.includes(id));
  expect(atlas.isRecovering(id)).toBe(false);
});

test('a broker has recovered even if its next process started at the moment of the loss', () => {
  const small = watched();
  const { atlas } = small;
  const [node] = small.followers;
  const { id } = node!;
  atlas.noteHarm(node!, { disk: true });
  node!.kill('power');
  node!.disk.wipe();
  node!.start();
  expect(atlas.isRecovering(id)).toBe(true);
  small.until(() => !atlas.isRecovering(id));
});

test('a broker that may lose data until a given time recovers only with a process that starts after this time', () => {
  const small = watched();
  const { atlas, world } = small;
  const [node] = small.followers;
  const { id } = node!;
  const restart = () => {
    node!.kill('process');
    small.until(() => !small.state.isr.includes(id));
    node!.start();
    small.until(() => node!.isReady && small.state.isr.includes(id));
  };
  const untilUs = world.nowUs + 10 * SECOND;
  atlas.noteHarm(node!, { disk: true }, untilUs);
  // A second loss, which comes now, does not make the given time earlier.
  atlas.noteHarm(node!, { disk: false });
  restart();
  expect(atlas.isRecovering(id)).toBe(true);
  world.runUntil(untilUs);
  restart();
  expect(atlas.isRecovering(id)).toBe(false);
});
