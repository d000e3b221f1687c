/** Finds in a broker's log how long its cleaner took for a topic. */

/** The time of the first cleaning of the topic in Millrace's log. Undefined: the log has none so far. */
export function millraceCleaning(text: string, topic: string): number | undefined {
  for (const line of text.split('\n')) {
    if (!line.includes('"log-cleaned"')) continue;
    const event = JSON.parse(line) as { event?: string; topic?: string; durationMs?: number };
    if (event.event === 'log-cleaned' && event.topic === topic) return event.durationMs;
  }
  return undefined;
}

/**
 * The same in Apache Kafka's log. Its report of a cleaning names the partition in the first line, and in the
 * same line or the next one the megabytes and the seconds.
 */
export function kafkaCleaning(text: string, topic: string): number | undefined {
  const report = new RegExp(`cleaned log ${topic}-0[^]*?processed in ([\\d.,]+) seconds`).exec(text);
  return report === null ? undefined : Number(report[1]!.replaceAll(',', '')) * 1000;
}
