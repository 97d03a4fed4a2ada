import type { Adapter } from "./adapter.ts";
import { express5 } from "./express.ts";
import { hono } from "./hono.ts";
import { nodeHttp1, nodeHttp2 } from "./node-http.ts";
import { direct } from "./to-response.ts";

/** Everything that must behave the same. */
export const adapters: readonly Adapter[] = [nodeHttp1, nodeHttp2, express5, hono, direct];
