/**
 * Goal: the run fails if a client gets answers in a wrong order or of a wrong form. Method: the test sends
 * the client hand-made bytes of answers.
 */
import type { Net, StreamHandler } from '@millrace/base';
import { History } from '@millrace/checkers';
import { apis, encodeResponseFrame } from '@millrace/protocol';
import { compressionCodecs } from '@millrace/protocol/io';
import { describe, expect, it } from 'vitest';
import { openConnection } from '../../src/clients/broker-connection.ts';
import { Host, World } from '../../src/world/index.ts';
import { violationOf } from '../support/small-cluster.ts';

/**
 * A client `x1` that has sent ApiVersions twice, with the correlation ids 0 and 1. The test is the broker at
 * the other end of the connection.
 */
class Asked {
  /** The correlation ids of the answers that the client has got. */
  readonly told: number[] = [];
  private readonly host = new Host(new World(1), 'x1');
  private events: StreamHandler | undefined;

  constructor() {
    const { host } = this;
    const life = host.boot();
    const env = { name: 'x1', world: host.world, life, net: this.net(), random: life.random };
    const surroundings = {
      bootstrap: [],
      history: new History(),
      codecs: compressionCodecs,
      createsTopics: false,
      topicIdOf: () => undefined,
      topicIdOfOffsets: () => undefined,
    };
    const address = { host: 'b4', port: 9092 };
    const asking = openConnection({ ...env, ...surroundings }, address, 1_000, () => this.told.push(0));
    life.turn('io', () => {
      this.events!.opened!();
      const software = { clientSoftwareName: 'sim', clientSoftwareVersion: '1' };
      asking.request(apis.apiVersions, 3, software, () => this.told.push(1));
    });
  }

  /** Delivers frames as one chunk. Returns the violation, or undefined. */
  gets(...frames: readonly Uint8Array[]): string | undefined {
    const bytes = Uint8Array.from(frames.flatMap((frame) => [...frame]));
    return violationOf(() => this.host.life!.turn('io', () => this.events!.data(bytes)));
  }

  private net(): Net {
    return {
      listen: () => {
        throw new Error('a client does not listen');
      },
      connect: (_address, handler) => {
        this.events = handler;
        const nothing = () => {};
        const flow = { pause: nothing, resume: nothing, end: nothing, destroy: nothing };
        return { remoteAddress: 'b4', send: () => true, unsentBytes: 0, ...flow };
      },
    };
  }
}

function answer(correlationId: number): Uint8Array {
  const apiKeys = [{ apiKey: apis.fetch.key, minVersion: 4, maxVersion: 18 }];
  const chunks = encodeResponseFrame(apis.apiVersions, 3, correlationId, {
    errorCode: 0,
    apiKeys,
    throttleTimeMs: 0,
    supportedFeatures: [],
    finalizedFeatures: [],
  } as never);
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

/** Removes this many bytes from the end of a frame, and adjusts the frame's size field. */
function cut(frame: Uint8Array, bytes: number): Uint8Array {
  const short = frame.slice(0, frame.length - bytes);
  new DataView(short.buffer).setInt32(0, short.length - 4);
  return short;
}

describe('answers-in-order', () => {
  it('accepts one answer after the other, in pieces or at once', () => {
    const asked = new Asked();
    expect(asked.gets(answer(0), answer(1).subarray(0, 9))).toBeUndefined();
    expect(asked.gets(answer(1).subarray(9))).toBeUndefined();
    expect(asked.told).toEqual([0, 1]);
  });

  it('sees two answers in the wrong order, and passes neither of them to the client', () => {
    const asked = new Asked();
    expect(asked.gets(answer(1), answer(0))).toBe('answers-in-order: x1 got answer 1 out of order');
    expect(asked.told).toEqual([]);
  });

  it('sees a duplicate answer, and an answer without a request', () => {
    expect(new Asked().gets(answer(0), answer(0))).toBe('answers-in-order: x1 got answer 0 out of order');
    expect(new Asked().gets(answer(0), answer(1), answer(2))).toBe(
      'answers-in-order: x1 got answer 2 out of order',
    );
  });
});

describe('answers-are-well-formed', () => {
  const WRONG = /^answers-are-well-formed: x1: /;

  it('sees an answer that is cut at any byte', () => {
    const whole = answer(0);
    for (const bytes of Array.from({ length: whole.length - 4 }, (_, i) => i + 1))
      expect(new Asked().gets(cut(whole, bytes)), `without ${bytes} bytes`).toMatch(WRONG);
  });

  it('sees bytes that are not an answer of this API, and an impossible size', () => {
    const odd = answer(0);
    // The answer claims more elements than it has bytes.
    odd[10] = 0x7f;
    expect(new Asked().gets(odd)).toMatch(WRONG);
    expect(new Asked().gets(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toMatch(WRONG);
  });
});
