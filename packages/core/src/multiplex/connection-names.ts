// Tested by test/multiplex/multiplex.test.ts.

/** How to close each named connection of this process. */
const connections = new Map<string, () => void>();

/**
 * Gives a connection the place of the one that has its name so far, which is closed. Names of different keys are different:
 * nobody closes the connection of another user.
 *
 * @returns forgets the name, unless another connection has it by then
 */
export function replaceConnection(key: string | undefined, mux: string, close: () => void): () => void {
  const name = JSON.stringify([key, mux]);
  const closeLast = connections.get(name);
  connections.set(name, close);
  closeLast?.();
  return () => {
    if (connections.get(name) === close) connections.delete(name);
  };
}
