/** Names of the files of a log and of partition folders, as in Kafka. Pure. */
import { assert, type Offset, type Uuid, uuidToBytes } from '@millrace/base';

export const LOG_SUFFIX = '.log';
export const OFFSET_INDEX_SUFFIX = '.index';
export const TIME_INDEX_SUFFIX = '.timeindex';
export const TRANSACTION_INDEX_SUFFIX = '.txnindex';
export const SNAPSHOT_SUFFIX = '.snapshot';
/** Follows the name of a file that the cleaner writes. */
export const CLEANED_SUFFIX = '.cleaned';
/** Follows the name of a cleaned file that is complete, and replaces older ones. */
export const SWAP_SUFFIX = '.swap';
/** Follows the name of a file that is not complete. Recovery removes such files. */
export const TEMPORARY_SUFFIX = '.tmp';
export const EPOCHS_FILE = 'leader-epoch-checkpoint';
export const PARTITION_METADATA_FILE = 'partition.metadata';
const DELETED_FOLDER_SUFFIX = '-delete';
const STRAY_FOLDER_SUFFIX = '-stray';
/** The longest file name that common file systems allow. */
const NAME_LENGTH_MAX = 255;

/** The file name of an offset, for example `00000000000000000042.log` for 42. */
export function offsetFileName(offset: Offset, suffix: string): string {
  assert(Number.isSafeInteger(offset) && offset >= 0, 'a file is named after an offset');
  return String(offset).padStart(20, '0') + suffix;
}

/** The offset in a file's name, or undefined if the file is of another kind. */
export function offsetOfFileName(name: string, suffix: string): Offset | undefined {
  if (!name.endsWith(suffix) || name.length !== 20 + suffix.length) return undefined;
  const digits = name.slice(0, 20);
  if (!/^\d{20}$/.test(digits)) return undefined;
  const offset = Number(digits);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

export function partitionFolderName(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/**
 * The topic and partition of a folder's name; undefined for any other folder. Topic names may hold '-' and
 * '.'.
 */
export function partitionOfFolderName(name: string): { topic: string; partition: number } | undefined {
  if (isDeletedFolderName(name)) return undefined;
  const match = /^([A-Za-z0-9._-]+)-(0|[1-9]\d{0,9})$/.exec(name);
  return match === null ? undefined : { topic: match[1]!, partition: Number(match[2]) };
}

/** New name of a folder before its files are removed: `topic-0.0123…ef-delete`. */
export function deletedFolderName(name: string, unique: Uuid): string {
  const suffix = `.${hexOf(unique)}${DELETED_FOLDER_SUFFIX}`;
  return name.slice(0, NAME_LENGTH_MAX - suffix.length) + suffix;
}

export function isDeletedFolderName(name: string): boolean {
  return /\.[0-9a-f]{32}-delete$/.test(name);
}

/**
 * New name of a folder that `LogDirectory.setAside` keeps: `topic-0.0123…ef-stray`. Shortens a long topic
 * name, but never the partition number.
 */
export function strayFolderName(topic: string, partition: number, unique: Uuid): string {
  const suffix = `-${partition}.${hexOf(unique)}${STRAY_FOLDER_SUFFIX}`;
  return topic.slice(0, NAME_LENGTH_MAX - suffix.length) + suffix;
}

export function isStrayFolderName(name: string): boolean {
  return /\.[0-9a-f]{32}-stray$/.test(name);
}

function hexOf(unique: Uuid): string {
  return [...uuidToBytes(unique)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
