import { sse as serveNode, type ServeOptions, type Source } from "@holdfast/node-http";
import Koa, { type Context } from "koa";
import { countdowns } from "./countdowns.ts";

export async function sse(ctx: Context, source: Source, options?: ServeOptions): Promise<void> {
  await serveNode(ctx.req, ctx.res, source, options);
  ctx.respond = false; // not before: an error of a response that has not begun is for Koa to answer
}

export const app = new Koa();

app.use(async (ctx, next) => {
  const [, name] = /^\/countdowns\/([^/]+)$/.exec(ctx.path) ?? [];
  if (name === undefined) return next();
  await sse(ctx, countdowns.stream(decodeURIComponent(name)));
});
