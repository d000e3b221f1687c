/**
 * Goal: a paused stream brings no bytes, and loses none. Method: a client and a server on simulated hosts;
 * the server pauses the stream, or its process pauses.
 */
import type { Stream, StreamHandler } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../src/world/index.ts';
import { TwoMachines } from '../support/two-machines.ts';

describe('a paused stream', () => {
  /** A server that notes what it gets. `behave` acts on each accepted stream. */
  function served(behave: (machines: TwoMachines, stream: Stream) => Partial<StreamHandler>): {
    readonly machines: TwoMachines;
    readonly got: string[];
  } {
    const machines = new TwoMachines();
    const got: string[] = [];
    machines.listen((stream) => {
      const { data } = behave(machines, stream);
      return {
        data: (bytes) => {
          got.push(String.fromCharCode(...bytes));
          data?.(bytes);
        },
        drained: () => {},
        closed: () => {},
      };
    });
    return { machines, got };
  }

  const text = (word: string) => new TextEncoder().encode(word);

  it('stays paused when its owner resumes and pauses it in one turn', () => {
    const { machines, got } = served((_machines, stream) => {
      stream.pause();
      stream.resume();
      stream.pause();
      return {};
    });
    const stream = machines.connect();
    machines.at(1, () => stream.send([text('a')]));
    machines.world.runUntil(SECOND);
    expect(got).toEqual([]);
  });

  it('brings no more bytes when its owner pauses it while its process works off its backlog', () => {
    let paused: Stream | undefined;
    const { machines, got } = served((_machines, stream) => ({
      data: () => {
        if (paused !== undefined) return;
        paused = stream;
        stream.pause();
      },
    }));
    const { world, server } = machines;
    const stream = machines.connect();
    machines.at(1, () => server.pause());
    for (const word of ['a', 'b', 'c']) machines.at(2, () => stream.send([text(word)]));
    machines.at(10, () => server.resume());
    world.runUntil(20 * MILLISECOND);
    expect(got).toEqual(['a']);
    server.turn('io', () => paused!.resume());
    machines.at(30, () => stream.send([text('d')]));
    world.runUntil(SECOND);
    expect(got).toEqual(['a', 'b', 'c', 'd']);
  });
});
