import { sse } from "@holdfast/express";
import express from "express";
import { jobs } from "../jobs.ts";

const app = express();
app.get("/jobs/:id", (req, res) => sse(req, res, jobs.stream(req.params.id)));
const server = app.listen(Number(process.env["PORT"] ?? 3000));

process.once("SIGTERM", () => server.close());
