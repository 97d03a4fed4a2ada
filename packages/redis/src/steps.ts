import type { Clock } from "@holdfast/core";

/** One thing after the other, each in bounded time, until something is over. */
export interface Steps {
  /** Rejects with what went wrong, after `timeout` at the latest. */
  readonly take: (ask: () => Promise<unknown>) => Promise<void>;
  readonly pause: (ms: number) => Promise<void>;
  /** A pause that ends when it is woken. */
  readonly rest: (ms: number) => Promise<void>;
  readonly wake: () => void;
  /** Rejects the present step and all that follow. The first reason stays. */
  readonly end: (reason: unknown) => void;
}

export function createSteps(timeout: number, clock: Clock): Steps {
  let over: { readonly reason: unknown } | undefined;
  // Of the present step, of which there is one at most.
  let stop: (reason: unknown) => void = () => undefined;
  let wake: () => void = () => undefined;

  function step(ms: number, late: (settle: Settle) => void, begin: (settle: Settle) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (over !== undefined) {
        reject(over.reason);
        return;
      }
      const cancel = clock.after(ms, () => late(settle));
      const settle: Settle = {
        done() {
          cancel();
          resolve();
        },
        fail(reason) {
          cancel();
          reject(reason);
        },
      };
      stop = settle.fail;
      begin(settle);
    });
  }

  return {
    take: (ask) =>
      step(
        timeout,
        ({ fail }) => fail(new Error(`Redis did not answer within ${timeout} ms.`)),
        ({ done, fail }) => void ask().then(done, fail),
      ),
    pause: (ms) =>
      step(
        ms,
        ({ done }) => done(),
        () => undefined,
      ),
    rest: (ms) =>
      step(
        ms,
        ({ done }) => done(),
        ({ done }) => {
          wake = done;
        },
      ),
    wake: () => wake(),
    end(reason) {
      over ??= { reason };
      stop(over.reason);
    },
  };
}

interface Settle {
  readonly done: () => void;
  readonly fail: (reason: unknown) => void;
}
