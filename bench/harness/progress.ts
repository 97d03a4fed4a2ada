/** Shows what is going on, on a terminal only, in a line that the next one takes the place of. */
export function createProgress(): (line: string) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (line) => void process.stderr.write(`\r\u001B[K${line}`);
}
