/**
 * Goal: a failed sync loses pages as real file systems do, and a power loss keeps or loses the data as the
 * test says.
 */
import { Prng } from '@millrace/base';
import { describe, expect, it } from 'vitest';
import { type Fate, FileContent, type PagesAfterFailure, SECTOR_BYTES } from '../../src/disk/content.ts';

const sector = (byte: number): Uint8Array => new Uint8Array(SECTOR_BYTES).fill(byte);

/**
 * A file of one sector. The device has ones. Then the process wrote twos, and the sync of the twos failed.
 */
function withFailedSync(pages: PagesAfterFailure): FileContent {
  const content = new FileContent();
  content.write(0, sector(1));
  content.syncNow();
  content.write(0, sector(2));
  content.beginSync(pages)();
  return content;
}

const firstByte = (content: FileContent): number => content.all()[0]!;

describe('a failed sync', () => {
  it('leaves dirty pages to the next sync', () => {
    const content = withFailedSync('dirty');
    expect(firstByte(content)).toBe(2);
    content.syncNow();
    expect(content.losePower(new Prng(1), 'lost')).toBe(false);
    expect(firstByte(content)).toBe(2);
  });

  it('marks pages clean, so the next sync succeeds and a power loss still loses them', () => {
    const content = withFailedSync('clean');
    expect(firstByte(content)).toBe(2);
    content.syncNow();
    expect(content.losePower(new Prng(1), 'kept')).toBe(true);
    expect(firstByte(content)).toBe(1);
  });

  it('drops pages, so reads return the content of the device', () => {
    expect(firstByte(withFailedSync('dropped'))).toBe(1);
  });

  it('loses no page that is written again', () => {
    const content = withFailedSync('clean');
    content.write(0, new Uint8Array([3]));
    content.syncNow();
    content.losePower(new Prng(1), 'lost');
    expect([...content.all().subarray(0, 2)]).toEqual([3, 2]);
  });

  it('does not change what the device has for a page that was written during the sync', () => {
    const content = new FileContent();
    content.write(0, sector(1));
    content.syncNow();
    content.write(0, sector(2));
    const end = content.beginSync('dropped');
    content.write(0, sector(3));
    end();
    expect(firstByte(content)).toBe(3);
    content.losePower(new Prng(1), 'lost');
    expect(firstByte(content)).toBe(1);
  });

  it('reports no error of its own if a later sync ends first', () => {
    const content = new FileContent();
    content.write(0, sector(2));
    content.beginSync('clean');
    expect(content.beginSync()()).toBe(true);
    content.losePower(new Prng(1), 'kept');
    expect(firstByte(content)).toBe(0);
  });

  it('is reported to the next sync when its process is dead', () => {
    const content = new FileContent();
    content.write(0, sector(2));
    content.beginSync('clean', () => false);
    expect(content.beginSync()()).toBe(false);
    expect(content.beginSync()()).toBe(true);
  });

  it('loses no sector that an earlier sync covered', () => {
    const content = new FileContent();
    content.write(0, sector(1));
    content.beginSync()();
    content.write(SECTOR_BYTES, sector(2));
    content.beginSync('dropped')();
    expect(firstByte(content)).toBe(1);
    expect(content.all()[SECTOR_BYTES]).toBe(0);
  });
});

describe('a power loss', () => {
  const cut = (fate: Fate): number[] => {
    const content = new FileContent();
    content.write(0, new Uint8Array([1, 2, 3, 4]));
    content.syncNow();
    content.truncate(2);
    content.losePower(new Prng(1), fate);
    return [...content.all()];
  };

  it('undoes an unsynced truncation, or keeps it', () => {
    expect(cut('lost')).toEqual([1, 2, 3, 4]);
    expect(cut('kept')).toEqual([1, 2]);
  });
});
