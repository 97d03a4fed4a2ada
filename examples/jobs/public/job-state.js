/** @import { FileResult, JobEvents } from "../events.ts" */

/** Number of files in the list of the latest files. */
const LATEST = 10;
/** Number of errors that the page lists. */
const MAX_FAILURES = 100;

/** The state of a job as one reader knows it, computed only from the events that the reader received. */
export class JobState {
  files = 0;
  errors = 0;
  bytes = 0;
  rate = 0;
  listing = true;
  total = 0;
  /** @type {JobEvents["done"] | undefined} */
  done;
  /** @type {FileResult[]} The newest first. */
  latest = [];
  /** @type {FileResult[]} */
  failures = [];
  /** The lines that the digest is computed from, in the order of arrival. */
  #digestLines = /** @type {string[]} */ ([]);

  /** @param {JobEvents["progress"]} progress */
  onProgress({ phase, total, filesPerSecond }) {
    this.listing = phase === "listing";
    this.total = total;
    this.rate = filesPerSecond;
  }

  /** @param {JobEvents["file"]} batch */
  onFile({ files }) {
    for (const file of files) {
      if ("error" in file) {
        this.errors++;
        if (this.failures.length < MAX_FAILURES) this.failures.push(file);
      } else {
        this.files++;
        this.bytes += file.size;
        this.#digestLines.push(`${file.sha256}  ${file.path}\0`);
      }
    }
    this.latest = [...files.toReversed(), ...this.latest].slice(0, LATEST);
  }

  /** @param {JobEvents["done"]} done */
  onDone(done) {
    this.done = done;
    this.listing = false;
    this.total = done.files + done.errors;
    this.rate = done.filesPerSecond;
    // When only the result is still kept, there were no file events before it.
    if (this.files + this.errors === 0)
      ({ files: this.files, errors: this.errors, bytes: this.bytes } = done);
  }

  /** The digest of the received files. It differs from the job's if an event is missing, doubled or out of order. */
  async digest() {
    const text = new TextEncoder().encode(this.#digestLines.join(""));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}
