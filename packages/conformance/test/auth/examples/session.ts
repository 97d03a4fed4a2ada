import { createRegistry, sse } from "@holdfast/express";
import express from "express";
import session from "express-session";

declare module "express-session" {
  interface SessionData {
    user: string;
  }
}

export const jobs = createRegistry();
export const app = express();

app.use(
  session({
    secret: process.env["SESSION_SECRET"] ?? "",
    resave: false,
    saveUninitialized: false,
  }),
);
app.get("/jobs/:id/stream", async (req, res) => {
  const { user } = req.session;
  if (user === undefined) res.sendStatus(401);
  else await sse(req, res, jobs.stream(`${user}/${req.params.id}`));
});
