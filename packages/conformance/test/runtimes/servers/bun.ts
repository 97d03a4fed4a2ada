import { adapterNamed, type Fetch } from "./adapters.ts";

declare const Bun: {
  serve(options: { hostname: string; port: number; idleTimeout: number; fetch: Fetch }): { port: number };
};

const { port } = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  // By default Bun cuts a response that is silent for ten seconds.
  idleTimeout: 0,
  fetch: adapterNamed(process.env.ADAPTER),
});
console.log(port);
