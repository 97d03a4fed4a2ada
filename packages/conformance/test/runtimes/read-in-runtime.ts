import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import type { ClientApi, ReceivedStream } from "../client/client-apis.ts";
import { openClientPage } from "../client/client-page.ts";
import { bundleClient } from "../support/bundle.ts";
import { shortDelays } from "../support/short-delays.ts";

/** Reads a stream in another runtime, which exits when the stream has ended. */
export type ReadInRuntime = (api: ClientApi, url: string) => Promise<ReceivedStream>;

/** A script without imports that reads a stream and passes the result to `report`. */
const scriptOf = async (api: ClientApi, url: string, report: string): Promise<string> => `
  ${await bundleClient()}
  (${api.toString()})(holdfast, ${JSON.stringify(url)}, (${shortDelays.toString()})()).finished.then(${report});
`;

/** In a process that runs the script after its arguments. */
export const inProcess =
  (binary: string | undefined, ...args: readonly string[]): ReadInRuntime =>
  async (api, url) => {
    const script = await scriptOf(api, url, "(received) => console.log(JSON.stringify(received))");
    const child = spawn(binary ?? "", [...args, script], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    if (code !== 0) throw new Error(`It exited with ${code}: ${output}`);
    return JSON.parse(output) as ReceivedStream;
  };

/** In a web worker of a page of the same origin. */
export const inWorker =
  (page: () => Page): ReadInRuntime =>
  async (api, url) => {
    await openClientPage(page(), url);
    const script = await scriptOf(api, url, "(received) => { postMessage(received); close(); }");
    return page().evaluate<ReceivedStream>(`new Promise((resolve, reject) => {
      const script = new Blob([${JSON.stringify(script)}], { type: "text/javascript" });
      const worker = new Worker(URL.createObjectURL(script));
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    })`);
  };
