/** The code of what the operating system refused, such as `EACCES`. Any other error is a bug, and thrown on. */
export function systemErrorCode(error: unknown): string {
  if (error instanceof Error && "syscall" in error && "code" in error) return String(error.code);
  throw error;
}
