import type { AddressInfo } from "node:net";
import type { AdapterUnderTest, Answer, Listening } from "@holdfast/conformance";
import { fastify, type FastifyInstance } from "fastify";
import { sse } from "../src/index.ts";

export const startHttp1: AdapterUnderTest["start"] = (answer) => listen(fastify(), answer);

export const startHttp2: AdapterUnderTest["start"] = async (answer) => {
  // Only the types of the raw request and response differ, and they are not used here.
  const app = fastify({ http2: true }) as unknown as FastifyInstance;
  return { ...(await listen(app, answer)), protocol: "h2c" };
};

/** Starts Fastify for the suite: `answer` handles every request, and Fastify answers a failure with a 500. */
async function listen(app: FastifyInstance, answer: Answer): Promise<Listening> {
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
}
