import { createRegistry, sse } from "@holdfast/hono";
import { Hono } from "hono";
import { jwt, type JwtVariables } from "hono/jwt";

export const jobs = createRegistry();
export const app = new Hono<{ Variables: JwtVariables<{ sub: string; exp: number }> }>();

app.use("/jobs/*", jwt({ secret: process.env["JWT_SECRET"] ?? "", alg: "HS256" }));
app.get("/jobs/:id/stream", (c) => {
  const { sub, exp } = c.get("jwtPayload");
  const stream = jobs.stream(`${sub}/${c.req.param("id")}`); // a user can only name their own streams
  return sse(c, stream, { signal: at(exp * 1_000) });
});

/** Aborts at `time`, in ms since 1970. `AbortSignal.timeout` takes whole milliseconds, and less than 25 days. */
export function at(time: number): AbortSignal {
  const left = Math.ceil(time - Date.now());
  return AbortSignal.timeout(Math.min(Math.max(left, 0), 2 ** 31 - 1));
}
