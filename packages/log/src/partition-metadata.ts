/** The file `partition.metadata` in Kafka's format: which topic, by id, a partition's folder belongs to. */
import { type Disk, isUuid, type Uuid } from '@millrace/base';
import { replaceFile } from './checkpoint-file.ts';
import { PARTITION_METADATA_FILE } from './file-names.ts';

/** The topic id, or undefined when the file is missing or damaged. */
export function readTopicId(disk: Disk, directory: string): Uuid | undefined {
  const bytes = disk.readFile(`${directory}/${PARTITION_METADATA_FILE}`);
  if (bytes === undefined) return undefined;
  const match = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(new TextDecoder().decode(bytes));
  const topicId = match?.[1];
  return topicId !== undefined && isUuid(topicId) ? topicId : undefined;
}

export function writeTopicId(disk: Disk, directory: string, topicId: Uuid): void {
  const text = `version: 0\ntopic_id: ${topicId}\n`;
  replaceFile(disk, `${directory}/${PARTITION_METADATA_FILE}`, new TextEncoder().encode(text));
}
