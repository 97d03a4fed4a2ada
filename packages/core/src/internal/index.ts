/** For holdfast's own packages, which are built from the source: nothing of this is published. */
export { parseId } from "../event-id.ts";
export { isEventStream } from "../headers.ts";
