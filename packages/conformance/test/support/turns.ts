/** Lets the event loop go round: for what should not happen, where there is nothing to wait for. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
