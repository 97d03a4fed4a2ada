// A type only. Tested by test/store/stream-producer.test.ts.
import type { CancelRequest } from "../stream/producer-session.ts";
import type { Stream } from "../stream/stream.ts";
import type { StoreMeta } from "./store.ts";
import type { StoreClient } from "./store-client.ts";
import type { StoreLimits } from "./store-options.ts";

/** What a stream's producer is created with. */
export interface StreamProducerOptions {
  readonly client: StoreClient;
  readonly stream: Stream;
  readonly fence: number;
  /** For how long the stream waits for another producer when the lease is over, in ms. */
  readonly retryWindowMs: number;
  readonly limits: StoreLimits;
  /** For how long the end is retried, in ms. */
  readonly endTimeout: number;
  /** The store has lost everything before frame `first`. */
  readonly onRestored: (first: number) => void;
  /** The store has more of the stream, or all that it will ever get. */
  readonly onStored: () => void;
  /** The stream has no producer here any more, but it goes on in the store. A cancel may have been under way here. */
  readonly onHandedOver: (meta: StoreMeta, cancelRequest?: CancelRequest) => void;
}
