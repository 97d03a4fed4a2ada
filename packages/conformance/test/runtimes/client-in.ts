import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import type { Face, Followed } from "../client/faces.ts";
import { openClientPage } from "../client/page.ts";
import { bundleClient } from "../support/bundle.ts";

/** Follows a stream in another runtime, which ends by itself when the stream has. */
export type FollowIn = (face: Face, url: string) => Promise<Followed>;

/** What hands `tell` what was followed: a script that has everything in it. */
const scriptOf = async (face: Face, url: string, tell: string): Promise<string> => `
  ${await bundleClient()}
  (${face.toString()})(holdfast, ${JSON.stringify(url)}).over.then(${tell});
`;

/** A process of its own, which runs the script that comes behind its arguments. */
export const inProcess =
  (binary: string | undefined, ...args: readonly string[]): FollowIn =>
  async (face, url) => {
    const script = await scriptOf(face, url, "(followed) => console.log(JSON.stringify(followed))");
    const child = spawn(binary ?? "", [...args, script], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    if (code !== 0) throw new Error(`It ended with ${code}: ${said}`);
    return JSON.parse(said) as Followed;
  };

/** A worker of a page of the same origin. */
export const inWorker =
  (page: () => Page): FollowIn =>
  async (face, url) => {
    await openClientPage(page(), url);
    const script = await scriptOf(face, url, "(followed) => { postMessage(followed); close(); }");
    return page().evaluate<Followed>(`new Promise((resolve, reject) => {
      const script = new Blob([${JSON.stringify(script)}], { type: "text/javascript" });
      const worker = new Worker(URL.createObjectURL(script));
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    })`);
  };
