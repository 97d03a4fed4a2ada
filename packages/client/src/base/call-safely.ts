/**
 * Runs a callback of the application. An error that it throws does not reach the caller: it is reported as an uncaught
 * exception, the way `EventTarget` does, or logged where the runtime has no `reportError`.
 */
export function callSafely(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    const { reportError = console.error } = globalThis as { reportError?: (error: unknown) => void };
    reportError(error);
  }
}
