/** For holdfast's own packages, which are built from the source: nothing of this is published. */
export { isStreamId, parseId } from "../event-id.ts";
export { isEventStream } from "../headers.ts";
export { createReport } from "../observer.ts";
export type { Report } from "../observer.ts";
