/** The lines that clients/java/Tools.java reads and writes. This program runs Kafka's command line tools. */

const EXIT = /^=== exit (\d+)$/;

/** The line that calls a tool, by the name of its class. */
export function callLine(tool: string, bootstrapServers: string, args: readonly string[]): string {
  const words = [tool, '--bootstrap-server', bootstrapServers, ...args];
  if (words.some((word) => /[\t\n]/.test(word))) throw new Error('a tab or a line feed divides arguments');
  return `${words.join('\t')}\n`;
}

/** The exit code, if this line ends the output of a tool. */
export function exitCodeOf(line: string): number | undefined {
  const code = EXIT.exec(line)?.[1];
  return code === undefined ? undefined : Number(code);
}
