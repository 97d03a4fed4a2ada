/** A point at which the server waits until the test opens it. */
export interface Barrier {
  readonly opened: Promise<void>;
  readonly open: () => void;
}

export function createBarrier(): Barrier {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
