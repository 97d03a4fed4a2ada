/** A file that was hashed, or could not be. Paths are relative to the job's folder, with `/` between names. */
export type FileResult =
  | { readonly path: string; readonly size: number; readonly sha256: string }
  | { readonly path: string; readonly error: string };

export interface Count {
  /** Files hashed. */
  readonly files: number;
  /** Files that could not be read, and folders that could not be listed. */
  readonly errors: number;
  readonly bytes: number;
  /** Files hashed per second, since the first. */
  readonly filesPerSecond: number;
}

/**
 * What a job tells, by event name. Every file of the folder is in exactly one `file` event, with the files that were
 * read together: one event each would be as many as there are files, and a count alone could not be checked.
 */
export interface JobEvents {
  /** `total` grows while the folder is being listed; then it stands, and `files + errors` grows towards it. */
  progress: Count & { readonly phase: "listing" | "hashing"; readonly total: number };
  file: { readonly files: readonly FileResult[] };
  /**
   * `events` is how many events the job has told, this one included. `digest` is the SHA-256 of one line
   * for each hashed file, sorted by path: its hash, two spaces, its path, a NUL.
   */
  done: Count & { readonly events: number; readonly seconds: number; readonly digest: string };
}
