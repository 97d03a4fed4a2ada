import { abortedError } from "../base/errors.ts";
import { drainFrame } from "../protocol/control-events.ts";
import { STREAM_HEADERS } from "../protocol/headers.ts";
import type { ConnectionLabels } from "../protocol/observer.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import type { DrainReason } from "../protocol/reasons.ts";
import { ConnectionMetrics } from "./connection-metrics.ts";
import type { ConnectionOwner } from "./connection-pool.ts";
import { refusalHeaders, sendEmptyResponse } from "./empty-response.ts";
import { guardControl } from "./guard-control.ts";
import type { ConnectionOptions } from "./options.ts";
import { retryDelay } from "./retry-delay.ts";
import type { ScheduledTask } from "./scheduler.ts";
import type { OpenSink, Sink } from "./sink.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Answers a client that is not admitted: asks it to come back or, where the option `overload` says so, responds with 503.
 * A flood of such clients must cost little, so that this needs no `Connection`.
 *
 * @param spread adds a random time of up to this many ms to the client's reconnection time
 */
export function rejectClient(
  { runtime, scheduler }: Pick<ConnectionOwner, "runtime" | "scheduler">,
  labels: ConnectionLabels,
  open: OpenSink,
  options: ConnectionOptions,
  reason: DrainReason,
  spread: number,
): Promise<ServeResult> {
  const { clock, random, report } = runtime;
  const retry = retryDelay(random, reason);
  if (reason === "busy" && options.overload === "refuse") {
    return sendEmptyResponse(open, 503, refusalHeaders(retry), NO_BYTES);
  }
  return new Promise((resolve, reject) => {
    const metrics = new ConnectionMetrics(labels, runtime);
    let sink: Sink | undefined;
    let isOver = false;
    const task: ScheduledTask = {
      due: Infinity,
      heapIndex: -1,
      run() {
        sink?.destroy(abortedError(reason));
        finish();
        return Infinity;
      },
    };
    function finish(): void {
      if (isOver) return;
      isOver = true;
      scheduler.delete(task);
      metrics.reportClosed(reason);
      resolve({ status: 200, reason, transfer: metrics.transfer });
    }
    const { control } = guardControl(options, {
      fail: (error) => report("failed", { ...labels, stage: "delivery", error }),
    });
    const frame = drainFrame(reason, retry + Math.round(spread * random()), control);
    const isWhole = control === true;
    metrics.reportOpened();
    try {
      const events = { drained: () => undefined, closed: finish };
      sink = open(200, { ...STREAM_HEADERS }, events, isWhole ? frame : undefined);
    } catch (error) {
      metrics.reportClosed("failed");
      return reject(error);
    }
    metrics.count(frame.length, 0);
    sink.write(frame);
    if (isWhole) sink.close();
    else sink.cut(abortedError(reason));
    // A client that does not take it is cut.
    if (!isOver) scheduler.set(task, clock.now() + options.idleTimeout);
  });
}
