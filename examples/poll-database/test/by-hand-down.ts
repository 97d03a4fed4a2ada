import express from "express";
import { pollByHand } from "../by-hand.ts";

const app = express();
pollByHand(app, { find: () => Promise.reject(new Error("connect ECONNREFUSED 127.0.0.1:5432")) }, 1);
const server = app.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`http://127.0.0.1:${address?.port}`);
});
