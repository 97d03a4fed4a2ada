import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { microseconds } from "../harness/clock.ts";
import type { ProcessUsage } from "../harness/process-usage.ts";
import { NCHAN_MODULE } from "./installed-programs.ts";
import { freePort } from "./listen.ts";
import type { Peer } from "./peer.ts";

const PAGE_BYTES = 4_096;

/** A server written in C. Events are published to it over HTTP; the CPU time of publishing is not counted. */
export const peer: Peer = {
  async start({ heartbeat = 0, history = [] }) {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
    const port = await freePort();
    writeFileSync(join(folder, "nginx.conf"), configuration(folder, port, heartbeat));
    const nginx = spawn("nginx", ["-p", folder, "-c", "nginx.conf"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    process.on("exit", () => {
      nginx.kill();
      rmSync(folder, { recursive: true });
    });
    const worker = await workerOf(nginx.pid as number);
    const publisher = connect({ host: "127.0.0.1", port, noDelay: true }).resume();
    const publish = (path: string, data: string): void => {
      const head = `POST /publish${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${data.length}\r\n\r\n`;
      publisher.write(head + data);
    };
    for (const data of history) publish("/history", data);
    // Gives nginx time to store the history: it accepts the messages asynchronously.
    if (history.length > 0) await sleep(1_000);
    return { port, publish, usage: () => usageOf(worker) };
  },
};

function configuration(folder: string, port: number, heartbeat: number): string {
  return `
    load_module ${NCHAN_MODULE};
    daemon off;
    worker_processes 1;
    error_log ${folder}/error.log error;
    pid ${folder}/pid;
    events { worker_connections 16000; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body;
      client_body_buffer_size 64k;
      keepalive_requests 1000000000;
      nchan_max_reserved_memory 512m;
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location ~ ^/publish/(.+)$ {
          nchan_publisher;
          nchan_channel_id $1;
          nchan_message_buffer_length 20000;
        }
        location ~ ^/(.+)$ {
          nchan_subscriber eventsource;
          nchan_channel_id $1;
          nchan_subscriber_first_message oldest;
          nchan_eventsource_ping_interval ${heartbeat / 1_000};
        }
      }
    }`;
}

async function workerOf(master: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const [worker] = readFileSync(`/proc/${master}/task/${master}/children`, "utf8").split(" ");
    if (worker) return Number(worker);
    await sleep(100);
  }
  throw new Error("nginx did not start");
}

function usageOf(pid: number): ProcessUsage {
  const [onCpu] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
  const [, resident] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  const rss = Number(resident) * PAGE_BYTES;
  return { at: microseconds(), cpu: Number(onCpu) / 1e3, rss, heap: rss };
}
