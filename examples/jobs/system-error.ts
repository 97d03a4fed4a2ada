/** The code of an error of the operating system, such as `EACCES`. Rethrows any other error, because it is a bug. */
export function systemErrorCode(error: unknown): string {
  if (error instanceof Error && "syscall" in error && "code" in error) return String(error.code);
  throw error;
}
