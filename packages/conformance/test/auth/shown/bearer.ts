import { createRegistry, sse } from "@holdfast/hono";
import { Hono } from "hono";
import { jwt, type JwtVariables } from "hono/jwt";

export const jobs = createRegistry();
export const app = new Hono<{ Variables: JwtVariables<{ sub: string; exp: number }> }>();

app.use("/jobs/*", jwt({ secret: process.env["JWT_SECRET"] ?? "", alg: "HS256" }));
app.get("/jobs/:id/stream", (c) => {
  const { sub, exp } = c.get("jwtPayload");
  const stream = jobs.stream(`${sub}/${c.req.param("id")}`); // nobody can name a stream of somebody else
  return sse(c, stream, { maxDuration: untilExpiry(exp * 1_000) });
});

/** For `maxDuration`, which is kept within 10 %: whoever connects now is sent away before `expiresAt`. */
export function untilExpiry(expiresAt: number, now: number = Date.now()): number {
  return Math.max(1, (expiresAt - now - 2_000) / 1.1);
}
