import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../peers/listen.ts";

/** A Redis of one measurement, that keeps nothing on disk. */
export interface Redis extends AsyncDisposable {
  readonly port: number;
  /** The CPU time that it has used until now, in microseconds. */
  cpu(): number;
}

export async function startRedis(): Promise<Redis> {
  const port = await freePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const redis = spawn("redis-server", options, { stdio: "ignore" });
  const gone = new Promise((resolve) => redis.once("exit", resolve));
  const kill = (): void => void redis.kill();
  process.on("exit", kill);
  await listens(port);
  return {
    port,
    cpu: () => Number(readFileSync(`/proc/${redis.pid}/schedstat`, "utf8").split(" ")[0]) / 1e3,
    async [Symbol.asyncDispose]() {
      process.off("exit", kill);
      kill();
      await gone;
    },
  };
}

async function listens(port: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (answered) return;
    await sleep(10);
  }
  throw new Error("Redis has not started");
}
