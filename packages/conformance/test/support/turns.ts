/** Lets the event loop turn: for what must not happen, where there is no condition to wait for. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
