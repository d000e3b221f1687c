/** The settings of the log cleaner, with the values that requests have set while the broker runs. */
import type { NodeId } from '@millrace/base';
import { dynamicLayers, dynamicValue, type MetadataImage, numberOf } from '@millrace/metadata';
import type { CleanerConfig } from './config.ts';

/** `own`: the settings in the node's own configuration. */
export function cleanerSettings(own: CleanerConfig, image: MetadataImage, brokerId: NodeId): CleanerConfig {
  const layers = dynamicLayers(image, brokerId);
  const dynamic = (name: string, parse: (value: string) => number, fallback: number): number => {
    const value = dynamicValue(layers, name);
    return value === undefined ? fallback : parse(value);
  };
  return {
    isEnabled: own.isEnabled,
    cleaningsMax: dynamic('log.cleaner.threads', numberOf, own.cleaningsMax),
    dedupeBufferBytes: dynamic('log.cleaner.dedupe.buffer.size', numberOf, own.dedupeBufferBytes),
    loadFactor: dynamic('log.cleaner.io.buffer.load.factor', Number, own.loadFactor),
    ioBufferBytes: dynamic('log.cleaner.io.buffer.size', numberOf, own.ioBufferBytes),
    bytesPerSecondMax: dynamic('log.cleaner.io.max.bytes.per.second', Number, own.bytesPerSecondMax),
    backoffMs: dynamic('log.cleaner.backoff.ms', numberOf, own.backoffMs),
  };
}
