/** The events of a job, by name. Every event is a row of the database. */
export interface JobEvents {
  /** The primes from `from` (inclusive) to `to` (exclusive): slice number `slice` of `of`. */
  slice: {
    readonly slice: number;
    readonly of: number;
    readonly from: number;
    readonly to: number;
    readonly primes: number;
  };
  /** The primes in all slices together. */
  done: { readonly primes: number };
}
