/**
 * The file `partition.metadata` in Kafka's format: the id of the topic that a partition's folder belongs to.
 */
import { type Disk, isUuid, type Uuid } from '@millrace/base';
import { replaceFile, writeNewFile } from './checkpoint-file.ts';
import { writeAgain } from './failed-sync.ts';
import { PARTITION_METADATA_FILE } from './file-names.ts';

/** The topic id, or undefined when the file is missing or damaged. */
export function readTopicId(disk: Disk, directory: string): Uuid | undefined {
  const bytes = disk.readFile(`${directory}/${PARTITION_METADATA_FILE}`);
  if (bytes === undefined) return undefined;
  const match = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(new TextDecoder().decode(bytes));
  const topicId = match?.[1];
  return topicId !== undefined && isUuid(topicId) ? topicId : undefined;
}

/**
 * `isNew`: the folder is new and has no such file, so a half-written file does no more harm than a missing
 * one. `hasRecords`: the device may already have the log's records, so this function waits until the device
 * has the id, too. Without records, the log's first round of syncs covers the file.
 */
export function writeTopicId(
  disk: Disk,
  directory: string,
  topicId: Uuid,
  { isNew, hasRecords }: { readonly isNew: boolean; readonly hasRecords: boolean },
): void {
  const path = `${directory}/${PARTITION_METADATA_FILE}`;
  const content = new TextEncoder().encode(`version: 0\ntopic_id: ${topicId}\n`);
  if (hasRecords) disk.writeFileAtomic(path, content);
  else if (isNew) writeNewFile(disk, path, content);
  else replaceFile(disk, path, content);
}

/**
 * Writes the same bytes again in place, so that the next sync covers them. A power loss meanwhile cannot
 * change them.
 */
export function writeTopicIdAgain(disk: Disk, directory: string): void {
  const path = `${directory}/${PARTITION_METADATA_FILE}`;
  if (!disk.exists(path)) return;
  const file = disk.open(path);
  try {
    writeAgain(file, file.size());
  } finally {
    file.close();
  }
}
