/** Finds in a broker's log how long its cleaner took for a topic, to the millisecond. */

const DAY_MS = 86_400_000;

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
 * The same in Apache Kafka's log, from the times of the lines in which a cleaning begins and ends. Kafka's
 * own report of a cleaning has tenths of a second only. A short cleaning takes less than a second, so the
 * rounding would change the result by 6 %. Throws if the lines contradict the report.
 */
export function kafkaCleaning(text: string, topic: string): number | undefined {
  const begin = timeBefore(text, `Beginning cleaning of log ${topic}-0`);
  const end = timeBefore(text, `cleaned log ${topic}-0 `);
  const report = new RegExp(`cleaned log ${topic}-0 [^]*?processed in ([\\d.,]+) seconds`).exec(text);
  if (report === null || begin === undefined || end === undefined) return undefined;
  const ms = (end - begin + DAY_MS) % DAY_MS;
  const reportedMs = Number(report[1]!.replaceAll(',', '')) * 1000;
  if (Math.abs(ms - reportedMs) > 150)
    throw new Error(`the lines of Kafka's cleaner are ${ms} ms apart, but it reports ${reportedMs} ms`);
  return ms;
}

/** The time of the line that has these words, or of the line before it. Undefined: no line has them. */
function timeBefore(text: string, words: string): number | undefined {
  const at = text.indexOf(words);
  if (at < 0) return undefined;
  const times = [...text.slice(0, at).matchAll(/^(\d\d):(\d\d):(\d\d)\.(\d{3}) /gm)];
  const [hours, minutes, seconds, ms] = times.at(-1)?.slice(1).map(Number) ?? [];
  if (hours === undefined) return undefined;
  return ((hours * 60 + minutes!) * 60 + seconds!) * 1000 + ms!;
}
