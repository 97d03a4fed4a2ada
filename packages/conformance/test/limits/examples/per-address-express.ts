import { createRegistry, sse } from "@holdfast/express";
import express from "express";

export const feeds = createRegistry({ maxConnectionsPerKey: 50 });
export const app = express();

app.set("trust proxy", ["127.0.0.1", "10.0.0.0/8"]); // the proxies in front of this service, and nobody else

app.get("/news", (req, res) =>
  sse(req, res, feeds.channel("news"), { key: `address:${req.ip}`, overload: "refuse" }),
);
