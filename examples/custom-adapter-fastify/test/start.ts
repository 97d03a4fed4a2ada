import type { AddressInfo } from "node:net";
import type { AdapterUnderTest } from "@holdfast/conformance";
import { fastify } from "fastify";
import { sse } from "../sse.ts";

/** Starts Fastify for the suite: `answer` handles every request, and Fastify answers a failure with a 500. */
export const start: AdapterUnderTest["start"] = async (answer) => {
  const app = fastify();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.route<{ Body: string | undefined }>({
    method: ["GET", "POST"],
    url: "/*",
    handler: (request, reply) =>
      answer({
        url: request.url,
        body: request.body,
        setHeader: (name, value) => void reply.header(name, value),
        sse: (source, options) => sse(request, reply, source, options),
      }),
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
};
