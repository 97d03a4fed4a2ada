/** The result for one file. Paths are relative to the job's folder and use `/`. */
export type FileResult =
  | { readonly path: string; readonly size: number; readonly sha256: string }
  | { readonly path: string; readonly error: string };

export interface Counts {
  /** Files hashed. */
  readonly files: number;
  /** Files that could not be read, and folders that could not be listed. */
  readonly errors: number;
  readonly bytes: number;
  /** Average since hashing started. */
  readonly filesPerSecond: number;
}

/**
 * The events of a job, by name. Every file of the folder is in exactly one `file` event, together with the other
 * files of its batch: one event per file would be too many, and a count alone could not be verified.
 */
export interface JobEvents {
  /** `total` grows while the folder is being listed. After that it is fixed, and `files + errors` grows towards it. */
  progress: Counts & { readonly phase: "listing" | "hashing"; readonly total: number };
  file: { readonly files: readonly FileResult[] };
  /**
   * `events` is the number of events of the job, including this one. `digest` is the SHA-256 of one line per hashed
   * file, sorted by path: its hash, two spaces, its path, a NUL.
   */
  done: Counts & { readonly events: number; readonly seconds: number; readonly digest: string };
}
