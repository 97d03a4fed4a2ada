/** What a job tells, by event name; every event is a row of the database. */
export interface JobEvents {
  /** How many primes there are from `from` on and below `to`: slice number `slice` of `of`. */
  slice: {
    readonly slice: number;
    readonly of: number;
    readonly from: number;
    readonly to: number;
    readonly primes: number;
  };
  /** How many there are in all slices together. */
  done: { readonly primes: number };
}
