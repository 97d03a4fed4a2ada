/** Shows the current step on a terminal, in one line that the next step overwrites. */
export function createProgress(): (line: string) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (line) => void process.stderr.write(`\r\u001B[K${line}`);
}
