import { adapterNamed, type Fetch } from "./adapters.ts";

declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen: (address: { port: number }) => void },
    fetch: Fetch,
  ): unknown;
};

Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(port) },
  adapterNamed(process.env.ADAPTER),
);
