import { createServer as createHttp1Server } from "node:http";
import { createSecureServer, createServer as createHttp2Server } from "node:http2";
import { text } from "node:stream/consumers";
import { type AdapterUnderTest, type Answer, listen } from "@holdfast/conformance";
import { type NodeRequest, type NodeResponse, sse } from "@holdfast/node-http";
import { http2 } from "../support/capabilities.ts";
import { certificate } from "../support/certificate.ts";

export const nodeHttp1: AdapterUnderTest = {
  name: "node-http on HTTP/1.1",
  start: (answer) => listen(createHttp1Server(handler(answer))),
};

export const nodeH2c: AdapterUnderTest = {
  name: "node-http on HTTP/2 without TLS",
  capabilities: http2,
  start: async (answer) => ({ ...(await listen(createHttp2Server(handler(answer)))), protocol: "h2c" }),
};

export const nodeH2: AdapterUnderTest = {
  name: "node-http on HTTP/2",
  capabilities: http2,
  start: async (answer) => ({
    ...(await listen(createSecureServer(certificate(), handler(answer)))),
    protocol: "h2",
  }),
};

const handler =
  (answer: Answer) =>
  (req: NodeRequest, res: NodeResponse): void => {
    const answered = async (): Promise<unknown> =>
      answer({
        url: req.url ?? "",
        body: req.method === "POST" ? await text(req) : "",
        setHeader: (name, value) => void res.appendHeader(name, value),
        sse: (source, options) => sse(req, res, source, options),
      });
    answered().catch(() => {
      res.statusCode = 500;
      res.end();
    });
  };
