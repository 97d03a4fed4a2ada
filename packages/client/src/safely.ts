/** Calls back; what that throws is reported as an `EventTarget` does where the runtime can, and disturbs nobody else. */
export function safely(call: () => void): void {
  try {
    call();
  } catch (error) {
    const { reportError = console.error } = globalThis as { reportError?: (error: unknown) => void };
    reportError(error);
  }
}
