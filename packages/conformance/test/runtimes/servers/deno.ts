import { adapterNamed, type Fetch } from "./adapters.ts";

declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen: (address: { port: number }) => void },
    fetch: Fetch,
  ): unknown;
};

const serve = adapterNamed(process.env.ADAPTER);

Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(port) }, async (request) => {
  // Deno aborts only a signal that was read before the client disconnected.
  void request.signal;
  return serve(request);
});
