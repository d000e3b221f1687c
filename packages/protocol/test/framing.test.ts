/**
 * Goal: a stream cut anywhere gives the same frames, and memory grows with the received bytes. Method: random
 * frames are joined, cut anywhere and read back.
 */
import { DecodeError, FrameReader, SpareBuffers } from '@millrace/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

function framed(bodies: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const size = Buffer.alloc(4);
      size.writeInt32BE(body.length);
      return [size, body];
    }),
  );
}

/** Cuts at the given places (taken modulo the length), empty pieces included. */
function cut(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return at.slice(1).map((end, index) => stream.slice(at[index]!, end));
}

const body = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ minLength: 300, maxLength: 400 }));
const largeBody = fc
  .record({ sizeBytes: fc.integer({ min: 20_000, max: 40_000 }), fill: fc.nat({ max: 255 }) })
  .map(({ sizeBytes, fill }) => new Uint8Array(sizeBytes).fill(fill));

describe('FrameReader', () => {
  it('any chunking gives the same frames, whether they are taken at once or late', () => {
    fc.assert(
      fc.property(
        fc.array(body, { maxLength: 8 }),
        fc.array(fc.nat({ max: 4000 }), { maxLength: 20 }),
        fc.boolean(),
        (bodies, places, late) => {
          const reader = new FrameReader(1000);
          const frames: string[] = [];
          const take = () => {
            for (let frame = reader.next(); frame !== undefined; frame = reader.next())
              frames.push(Buffer.from(frame).toString('hex'));
          };
          for (const chunk of cut(framed(bodies), places)) {
            reader.push(chunk);
            if (!late) take();
          }
          take();
          expect(frames).toEqual(bodies.map((bytes) => Buffer.from(bytes).toString('hex')));
          expect(reader.bufferedBytes).toBe(0);
          expect(reader.reservedBytes).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('with reused chunks and buffers, frames taken at once or late are whole', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(body, largeBody), { maxLength: 8 }),
        fc.array(fc.record({ place: fc.nat({ max: 200_000 }), takes: fc.nat({ max: 3 }) }), {
          maxLength: 20,
        }),
        (bodies, cuts) => {
          const reader = new FrameReader(100_000, new SpareBuffers());
          const frames: string[] = [];
          const take = (most: number) => {
            for (let i = 0; i < most; i++) {
              const frame = reader.next();
              if (frame === undefined) return;
              frames.push(Buffer.from(frame).toString('hex'));
            }
          };
          const chunks = cut(
            framed(bodies),
            cuts.map(({ place }) => place),
          );
          for (const [i, chunk] of chunks.entries()) {
            reader.push(chunk);
            take(cuts[i]?.takes ?? 3);
            reader.keep();
            chunk.fill(0xdd);
          }
          take(100);
          expect(frames).toEqual(bodies.map((bytes) => Buffer.from(bytes).toString('hex')));
          expect(reader.bufferedBytes).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('frames that are assembled one after the other share a buffer', () => {
    const reader = new FrameReader(100_000, new SpareBuffers());
    const buffers = new Set<ArrayBufferLike>();
    for (let i = 0; i < 10; i++) {
      const bytes = framed([new Uint8Array(30_000)]);
      for (const chunk of [bytes.subarray(0, 100), bytes.subarray(100)]) {
        reader.push(chunk);
        const frame = reader.next();
        if (frame !== undefined) buffers.add(frame.buffer);
      }
    }
    expect(buffers.size).toBeLessThanOrEqual(2);
  });

  it('frames that arrive a byte at a time are whole', () => {
    const bodies = [new Uint8Array(40_000).fill(7), new Uint8Array(0), Uint8Array.of(1)];
    const reader = new FrameReader(100_000);
    const sizes: number[] = [];
    for (const byte of framed(bodies)) {
      reader.push(Uint8Array.of(byte));
      const frame = reader.next();
      if (frame !== undefined) sizes.push(frame.length);
    }
    expect(sizes).toEqual([40_000, 0, 1]);
  });

  it('a frame inside one chunk is a view of the chunk', () => {
    const reader = new FrameReader(100);
    const chunk = framed([Uint8Array.of(1, 2, 3)]);
    reader.push(chunk);
    expect(reader.next()!.buffer).toBe(chunk.buffer);
  });

  it('reserves no memory for a frame before the caller can refuse it', () => {
    const reader = new FrameReader(100_000, new SpareBuffers());
    reader.push(framed([new Uint8Array(90_000).fill(7)]).subarray(0, 50_000));
    expect(reader.next()).toBeUndefined();
    expect(reader.assemblingBytes).toBe(90_000);
    expect(Uint8Array.from(reader.assembled)).toEqual(new Uint8Array(49_996).fill(7));
    expect(reader.reservedBytes).toBe(0);
    reader.keep();
    expect(Uint8Array.from(reader.assembled)).toEqual(new Uint8Array(49_996).fill(7));
    expect(reader.reservedBytes).toBeGreaterThanOrEqual(49_996);
  });

  it('discard gives back the buffer of a frame that has arrived in part', () => {
    const spares = new SpareBuffers();
    const buffer = spares.take(64 << 10);
    spares.give(buffer);
    const reader = new FrameReader(100_000, spares);
    reader.push(framed([new Uint8Array(64 << 10)]).subarray(0, 50_000));
    reader.next();
    reader.keep();
    expect(spares.take(64 << 10)).not.toBe(buffer);
    reader.discard();
    expect([reader.bufferedBytes, reader.reservedBytes, reader.assemblingBytes]).toEqual([0, 0, 0]);
    expect(spares.take(64 << 10)).toBe(buffer);
  });

  it('memory grows with the received bytes, not with the announced size', () => {
    const reader = new FrameReader(0x7fffffff);
    reader.push(Buffer.from('7fffffff', 'hex'));
    expect(reader.next()).toBeUndefined();
    expect(reader.reservedBytes).toBe(0);
    let received = 0;
    for (const sizeBytes of [1, 100, 5000, 60_000, 64_000]) {
      reader.push(new Uint8Array(sizeBytes));
      received += sizeBytes;
      expect(reader.next()).toBeUndefined();
      expect(reader.bufferedBytes).toBe(received);
      expect(reader.reservedBytes).toBeLessThanOrEqual(Math.max(received * 4, 16 * 1024));
    }
  });

  it('counts the received bytes that it has not returned as frames', () => {
    const reader = new FrameReader(100);
    reader.push(framed([Uint8Array.of(1), Uint8Array.of(2, 3)]));
    expect(reader.bufferedBytes).toBe(11);
    reader.next();
    expect(reader.bufferedBytes).toBe(6);
  });

  it.each([
    ['ffffffff', 'frame of negative size -1'],
    ['80000000', 'frame of negative size -2147483648'],
    ['00000065', 'frame of 101 bytes, more than the limit of 100'],
    ['48545450', 'frame of 1213486160 bytes, more than the limit of 100'],
  ])('refuses the size %s', (size, message) => {
    const reader = new FrameReader(100);
    reader.push(Buffer.from(size, 'hex'));
    expect(() => reader.next()).toThrow(new DecodeError(message));
  });
});
