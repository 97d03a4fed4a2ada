import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { run } from "../../pack.ts";
import { ROOT } from "../../packages.ts";

/** Not a dependency, because it has 65 MB: installed from npm when needed. One of its packages asks for a tag that is gone. */
const VERDACCIO = { dependencies: { verdaccio: "6.10.4" }, overrides: { "node-fetch": "2.7.0" } };

/**
 * The path of verdaccio's binary, which is installed if necessary. If that fails it prints a line and returns `undefined`; in
 * CI it throws.
 */
export function findVerdaccio(): string | undefined {
  const cache = join(ROOT, "node_modules/.cache");
  const folder = join(cache, `verdaccio@${VERDACCIO.dependencies.verdaccio}`);
  const binary = join(folder, "node_modules/verdaccio/bin/verdaccio");
  if (existsSync(binary)) return binary;
  try {
    mkdirSync(cache, { recursive: true });
    const fresh = mkdtempSync(`${folder}.`);
    writeFileSync(join(fresh, "package.json"), JSON.stringify({ private: true, ...VERDACCIO }));
    run("npm", ["install", "--no-audit", "--no-fund"], fresh);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } catch (error) {
    if (process.env.CI) throw new Error("verdaccio is missing.", { cause: error });
    console.log("verdaccio could not be installed; the rehearsal of a release is skipped.");
    return undefined;
  }
  return binary;
}

/** A registry on the loopback interface. It has what is published to it, and passes on what others ask for. */
export interface LocalRegistry {
  readonly url: string;
  /** The environment for npm: this registry, with a cache and a configuration of its own. */
  readonly env: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** Resolves when a server answers; rejects when its process has ended. */
export async function untilAnswers(url: string, child: ChildProcess): Promise<void> {
  let output = "";
  child.stderr?.on("data", (chunk: Buffer) => void (output += chunk.toString()));
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It has ended:\n${output}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer !== undefined) return void answer.body?.cancel();
    await pause(50);
  }
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, "exit");
}

/** @param verdaccio the path of its binary */
export async function startRegistry(verdaccio: string): Promise<LocalRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const url = `http://${host}/`;
  const ours = { access: "$all", publish: "$all", unpublish: "$all" };
  const config = {
    storage: join(folder, "storage"),
    auth: { htpasswd: { file: join(folder, "htpasswd") } },
    uplinks: { upstream: { url: run("npm", ["config", "get", "registry"]).trim(), timeout: "60s" } },
    packages: { "@holdfast/*": ours, holdfast: ours, "**": { access: "$all", proxy: "upstream" } },
    log: { type: "stdout", level: "error" },
  };
  // JSON is YAML, too.
  writeFileSync(join(folder, "config.yaml"), JSON.stringify(config));
  // npm publishes only with a token, whatever the registry asks for.
  writeFileSync(join(folder, "npmrc"), `//${host}/:_authToken=anybody\n`);
  const child = spawn(
    process.execPath,
    [verdaccio, "--config", join(folder, "config.yaml"), "--listen", host],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  await untilAnswers(`${url}-/ping`, child);
  return {
    url,
    env: {
      npm_config_registry: url,
      npm_config_userconfig: join(folder, "npmrc"),
      npm_config_cache: join(folder, "cache"),
    },
    async stop() {
      await stop(child);
      rmSync(folder, { recursive: true });
    },
  };
}
