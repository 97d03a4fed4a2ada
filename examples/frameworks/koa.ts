import { sse as serveNode, type ServeOptions, type Source } from "@holdfast/node-http";
import Koa, { type Context } from "koa";
import { countdowns } from "./countdowns.ts";

export async function sse(ctx: Context, source: Source, options?: ServeOptions): Promise<void> {
  await serveNode(ctx.req, ctx.res, source, options);
  ctx.respond = false; // only now: Koa answers an error that is thrown before the response has begun
}

export const app = new Koa();

app.use(async (ctx, next) => {
  const [, name] = /^\/countdowns\/([^/]+)$/.exec(ctx.path) ?? [];
  if (name === undefined) return next();
  await sse(ctx, countdowns.stream(decodeURIComponent(name)));
});
