/**
 * Uses meta.properties to check that a log directory belongs to this node and cluster. Formats a new
 * directory.
 */
import { type Disk, DiskError, type NodeId, type Random, type Uuid } from '@millrace/base';
import { partitionOfFolderName } from '../files/file-names.ts';
import { formatMetaProperties, META_PROPERTIES, parseMetaProperties } from './formats.ts';

export interface IdentityOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly nodeId: NodeId;
  readonly clusterId?: Uuid | undefined;
  readonly random: Random;
}

export interface Identity {
  readonly clusterId: Uuid | undefined;
  readonly directoryId: Uuid;
}

/**
 * Formats the directory if it has neither meta.properties nor partitions. Returns its identity, or the reason
 * why this node cannot use it.
 */
export function identify(o: IdentityOptions): Identity | string {
  const { disk, directory, nodeId } = o;
  disk.makeDirectory(directory);
  const path = `${directory}/${META_PROPERTIES}`;
  const bytes = disk.readFile(path);
  if (bytes === undefined) {
    if (disk.list(directory).some((name) => partitionOfFolderName(name) !== undefined))
      return `The data folder ${directory} holds partitions but no ${META_PROPERTIES}: Millrace cannot tell which node they belong to. Restore that file, or use an empty folder.`;
    const directoryId = o.random.uuid();
    disk.writeFileAtomic(path, formatMetaProperties({ nodeId, clusterId: o.clusterId, directoryId }));
    makeDurable(disk, directory);
    return { clusterId: o.clusterId, directoryId };
  }
  const meta = parseMetaProperties(bytes);
  if (typeof meta === 'string') return `The data folder ${directory} cannot be used: in ${path}, ${meta}.`;
  if (meta.nodeId !== nodeId)
    return `The data folder ${directory} belongs to node ${meta.nodeId}, this is node ${nodeId}. Use another folder (log.dirs), or the right node.id.`;
  if (meta.clusterId !== undefined && o.clusterId !== undefined && meta.clusterId !== o.clusterId)
    return otherCluster(directory, meta.clusterId, o.clusterId);
  const clusterId = meta.clusterId ?? o.clusterId;
  const directoryId = meta.directoryId ?? o.random.uuid();
  if (clusterId !== meta.clusterId || directoryId !== meta.directoryId)
    disk.writeFileAtomic(path, formatMetaProperties({ nodeId, clusterId, directoryId }));
  return { clusterId, directoryId };
}

/**
 * Syncs the parents of the folder, because the folder and its parents may be new. If their names are not on
 * the device, a power loss removes everything in them, and the node returns with another identity. The sync
 * stops at a parent that this node may not read, because this node did not create that parent.
 */
function makeDurable(disk: Disk, directory: string): void {
  for (const parent of parentsOf(directory)) {
    try {
      disk.syncDirectory(parent);
    } catch (error) {
      if (error instanceof DiskError && error.code === 'EACCES') return;
      throw error;
    }
  }
}

/** The parents of a folder, from the nearest to the root, or to the working directory. */
function parentsOf(directory: string): string[] {
  const parents: string[] = [];
  for (let path = directory; ; ) {
    const slash = path.lastIndexOf('/');
    if (slash <= 0) return [...parents, slash === 0 ? '/' : '.'];
    path = path.slice(0, slash);
    parents.push(path);
  }
}

export function unusable(directory: string, error: DiskError): string {
  return `The data folder ${directory} cannot be used: ${error.message}`;
}

export function otherCluster(directory: string, found: Uuid, wanted: Uuid): string {
  return `The data folder ${directory} belongs to cluster ${found}, this node belongs to cluster ${wanted}. Use another folder (log.dirs), or remove this one if you do not need its data.`;
}
