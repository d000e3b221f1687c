/**
 * Small text files in Kafka's checkpoint format, version 0: a line with the version, a line with the number
 * of entries, and one line per entry. Does not know the meaning of the entries.
 */
import type { Disk } from '@millrace/base';

const VERSION = '0';

export function formatCheckpoint(lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode([VERSION, String(lines.length), ...lines, ''].join('\n'));
}

/** The entries; undefined if the file is cut, has another version, or is not a checkpoint file. */
export function parseCheckpoint(bytes: Uint8Array): string[] | undefined {
  const [version, count, ...rest] = new TextDecoder().decode(bytes).split('\n');
  if (version !== VERSION || count === undefined || !/^\d+$/.test(count)) return undefined;
  // A complete file ends with a newline. A file that was cut within its last line does not.
  if (rest.pop() !== '' || rest.length !== Number(count)) return undefined;
  return rest;
}

/** Writes a file under an unused name. A killed process may leave a part of it. */
export function writeNewFile(disk: Disk, path: string, content: Uint8Array): void {
  const file = disk.open(path);
  try {
    file.write(0, [content]);
  } finally {
    file.close();
  }
}

/**
 * Replaces a file in one step, without fsync. A killed process leaves the old or the new content. A power
 * loss may leave neither, so a reader must recognise garbage and work without the file.
 */
export function replaceFile(disk: Disk, path: string, content: Uint8Array): void {
  const temporary = `${path}.tmp`;
  // A killed process may have left this file. Its old content must not become the content of the new file,
  // after a power loss that keeps the rename and loses the write. So the new file is another file.
  if (disk.exists(temporary)) disk.remove(temporary);
  const file = disk.open(temporary);
  try {
    file.write(0, [content]);
  } finally {
    file.close();
  }
  disk.rename(temporary, path);
}
