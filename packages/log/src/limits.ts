/** Every bound of this package, in one place, with why it is what it is. */

/** An index entry's offset is relative to its segment, and signed in Kafka's format. */
export const RELATIVE_OFFSET_MAX = 0x7fff_ffff;
/**
 * Index entries that may wait in memory before they are written: 1.5 KiB a log, rebuilt from the log after a
 * crash.
 */
export const PENDING_INDEX_ENTRIES = 64;
/**
 * Last batches of a producer that are recognised when they are sent again: clients keep at most five in
 * flight.
 */
export const PRODUCER_BATCHES_KEPT = 5;
/**
 * A snapshot names only the last batch of a producer. So many bytes of the log before it are gone through for
 * the others that may be in flight: few at first, more if that does not fill every producer's window. The
 * most is five full batches of several clients with their usual settings.
 */
export const RECALLED_BYTES: readonly number[] = [8 << 10, 128 << 10, 1 << 20];
/** Files that logs keep open; the least recently used ones are closed, and opened again when needed. */
export const OPEN_FILES_MAX = 4_096;
/** What is read at once when the headers or checksums of a whole segment are gone through. */
export const SCAN_WINDOW_BYTES = 1 << 20;
/** What is read at once when one batch is searched behind an index entry: two index intervals. */
export const LOCATE_WINDOW_BYTES = 8 << 10;
/** Ends of recent disk reads that are remembered per log, so that a sequential reader needs no search. */
export const READ_HINTS = 8;
/** Reads from this size on go into buffers that are used again. */
export const SPARE_FROM_BYTES = 8 << 10;
/** How often a node looks for producers that expired. */
export const PRODUCER_EXPIRY_CHECK_MS = 60_000;
