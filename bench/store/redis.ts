import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../peers/listen.ts";
import type { StoreServer } from "./store-session.ts";

/** Starts a Redis server for one measurement, without persistence. */
export async function startRedis(): Promise<StoreServer> {
  const port = await freePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const redis = spawn("redis-server", options, { stdio: "ignore" });
  const exited = new Promise((resolve) => redis.once("exit", resolve));
  const kill = (): void => void redis.kill();
  process.on("exit", kill);
  await untilListening(port);
  return {
    place: port,
    cpu: () => Number(readFileSync(`/proc/${redis.pid}/schedstat`, "utf8").split(" ")[0]) / 1e3,
    async [Symbol.asyncDispose]() {
      process.off("exit", kill);
      kill();
      await exited;
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (connected) return;
    await sleep(10);
  }
  throw new Error("Redis did not start");
}
