/** Computes the partition of an internal topic to which a key belongs. Kafka computes the same partition. */

/**
 * Kafka's rule: the absolute value of Java's hash of the key (-2^31 counts as 0), modulo the number of
 * partitions.
 */
export function keyPartition(key: string, partitions: number): number {
  const hash = javaHash(key);
  return (hash === -0x80000000 ? 0 : Math.abs(hash)) % partitions;
}

/** `String.hashCode` of Java: 31 * hash + code unit, over the UTF-16 code units, in 32 bits. */
function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}
