import { toResponse } from "@holdfast/core";
import { sse } from "@holdfast/hono";
import { Hono } from "hono";
import { createSubject, type Subject } from "../../../src/subject/index.ts";

/** The handler of a runtime. */
export type Fetch = (request: Request) => Promise<Response>;

/** Both receive the messages of the suite by `POST /tell`. */
const adapters = {
  toResponse:
    (subject: Subject): Fetch =>
    async (request) => {
      const { method, url } = request;
      const body = method === "POST" ? await request.text() : "";
      if (new URL(url).pathname === "/tell") return new Response(await subject.tell(body));
      try {
        const response = await subject.answer({
          url,
          body,
          sse: (source, options) => toResponse(request, source, options),
        });
        return response as Response;
      } catch (error) {
        return new Response(String(error), { status: 500 });
      }
    },

  hono: (subject: Subject): Fetch => {
    const app = new Hono();
    app.post("/tell", async (c) => c.text(await subject.tell(await c.req.text())));
    app.all("*", async (c) => {
      const response = await subject.answer({
        url: c.req.url,
        body: c.req.method === "POST" ? await c.req.text() : "",
        setHeader: (name, value) => c.header(name, value, { append: true }),
        sse: (source, options) => sse(c, source, options),
      });
      return response as Response;
    });
    app.onError((error, c) => c.text(String(error), 500));
    return async (request) => app.fetch(request);
  },
};

export type AdapterName = keyof typeof adapters;

export function adapterNamed(name: string | undefined): Fetch {
  return adapters[name as AdapterName](createSubject());
}
