import type { Audit } from "../audit/audit.ts";
import type { Record } from "../record.ts";
import { type Block, createBlockParser } from "./block-parser.ts";

const CONTROL = ["stream.open", "stream.live", "stream.reset", "stream.error", "stream.drain", "stream.end"];

/** The fields of a control event (PROTOCOL, 5). They come from a server, so nothing is certain. */
interface Fields {
  readonly state?: unknown;
  readonly reason?: unknown;
  readonly lost?: unknown;
  readonly status?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

/**
 * Reads the bytes of one response: reports its events and control events, and what the audit finds.
 *
 * @returns what takes the bytes
 */
export function observeResponse(audit: Audit, report: (record: Record) => void): (bytes: Uint8Array) => void {
  const parse = createBlockParser();
  let isHoldfast = false;

  function readControl(event: string, data: string, id: string | undefined): boolean {
    if (!CONTROL.includes(event) && !(isHoldfast && event.startsWith("stream."))) return false;
    const fields = fieldsOf(data);
    const state = (status: string, detail?: string): void =>
      report({ type: "state", status, ...(detail !== undefined && { detail }) });
    switch (event) {
      case "stream.open":
        isHoldfast = true;
        state(fields.state === "waiting" ? "waiting" : "replaying");
        break;
      case "stream.live":
        state("live");
        break;
      case "stream.reset":
        for (const finding of audit.reset(textOf(fields.reason), rangeOf(fields.lost))) {
          report({ type: "finding", ...finding });
        }
        break;
      case "stream.error":
        if (fields.code === "INTERRUPTED") state("waiting", "the stream was interrupted");
        else
          report({
            type: "error",
            message: `The server reports ${textOf(fields.code)}: ${textOf(fields.message)}`,
          });
        break;
      case "stream.drain":
        state("drained", textOf(fields.reason));
        break;
      case "stream.end":
        state("ended", textOf(fields.status));
        for (const finding of audit.end(id)) report({ type: "finding", ...finding });
        break;
    }
    return true;
  }

  function read({ id, event, data }: Block): void {
    if (data === undefined) {
      if (id !== undefined) audit.moveCursor(id, true);
      return;
    }
    if (id !== undefined) audit.moveCursor(id, false);
    if (readControl(event, data, id)) return;
    const findings = audit.event(id, event, data);
    for (const finding of findings) report({ type: "finding", ...finding });
    report({ type: "event", id, event, data });
  }

  return (bytes) => {
    for (const block of parse(bytes)) read(block);
  };
}

function fieldsOf(data: string): Fields {
  try {
    return { ...(JSON.parse(data) as Fields) };
  } catch {
    return {};
  }
}

/** A server may send anything in the place of a text. */
const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "?");

function rangeOf(lost: unknown): [from: number, to: number] | null {
  if (!Array.isArray(lost) || !Number.isSafeInteger(lost[0]) || !Number.isSafeInteger(lost[1])) return null;
  return [lost[0], lost[1]];
}
