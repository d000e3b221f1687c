/** Bounds of this package, with their reasons. */

/** An index entry's offset is relative to its segment. Kafka's format has a signed 32-bit number for it. */
export const RELATIVE_OFFSET_MAX = 0x7fff_ffff;
/**
 * With this many entries in memory (1.25 KiB for the two indexes of a log), an index writes them to its file
 * before the next append. One append may add many entries. After a crash, recovery rebuilds the entries that
 * the file lacks from the log.
 */
export const PENDING_INDEX_ENTRIES = 64;
/** A log recognises retries of this many last batches of a producer: clients keep at most five in flight. */
export const PRODUCER_BATCHES_KEPT = 5;
/**
 * A snapshot holds only the last batch of a producer. Clients may retry earlier batches, too. To find those,
 * the log reads this many bytes before the snapshot's offset: few at first, and more while a producer has
 * fewer than five batches. The largest value holds five full batches of several clients with default
 * settings.
 */
export const RECALLED_BYTES: readonly number[] = [8 << 10, 128 << 10, 1 << 20];
/** The most files that the logs of a node keep open, if the node does not derive a number from its limits. */
export const OPEN_FILES_MAX = 4_096;
/**
 * `OpenFiles` runs at most this many syncs at once in the background. The threads that run them also run the
 * syncs for acknowledgements.
 */
export const SYNCS_IN_BACKGROUND_MAX = 2;
/** Bytes per read in a scan of a whole segment. */
export const SCAN_WINDOW_BYTES = 1 << 20;
/**
 * Bytes per read when recovery scans a segment. One turn reads this much, even if the page cache lacks the
 * bytes. One job checks this much.
 */
export const RECOVERY_STEP_BYTES = 512 << 10;
/** Recovery opens the files of this many segments in one step. */
export const SEGMENTS_PER_STEP = 16;
/** The work of a step that reads no batches, in bytes of scanned batches that take as long. */
export const FILES_STEP_WORK = 256 << 10;
/**
 * Bytes per read in a search for one batch from an index entry on. This is twice the default index interval.
 */
export const LOCATE_WINDOW_BYTES = 8 << 10;
/** A log remembers the positions of this many sequential readers, so that they need no search. */
export const READ_HINTS = 128;
/** A log also remembers this many positions from which a reader has read on, for readers that follow it. */
export const FOLLOWED_HINTS = 16;
/** All logs of a node together remember this many positions. They take about 2 MB. */
export const NODE_HINTS = 16_384;
/** Reads of this size or more use spare buffers. */
export const SPARE_FROM_BYTES = 8 << 10;
/**
 * One look for expired records judges at most this many segments by time, because each may need reads of
 * three files. One look for records to clean reads at most this many segments.
 */
export const JUDGED_BY_TIME_MAX = 20;
/**
 * A cleaning merges at most this many segments into one. The swap renames their files, four for each segment,
 * in one turn of the event loop, because no append and no read may come between the renames. A crash may come
 * between them: recovery then completes the swap.
 */
export const GROUP_SEGMENTS_MAX = 100;
/** How often a node looks for producers that expired. */
export const PRODUCER_EXPIRY_CHECK_MS = 60_000;

/** Number of logs that a clean stop syncs at a time. Each has up to eight files and folders to sync. */
export const STOPPING_LOGS_MAX = 32;
