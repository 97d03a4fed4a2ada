import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError } from "./usage-error.ts";

/** What `holdfast tail` is to do. All times are in ms. */
export interface TailOptions {
  readonly url: string;
  readonly headers: Headers;
  readonly lastEventId: string;
  readonly method: "GET" | "POST";
  readonly data: string | undefined;
  readonly retries: number;
  readonly giveUpAfter: number | undefined;
  readonly reconnects: boolean;
  readonly cutEvery: number | undefined;
  readonly allowHoles: boolean;
  readonly json: boolean;
}

export type Command =
  | { readonly name: "help" }
  | { readonly name: "version" }
  | { readonly name: "tail"; readonly options: TailOptions };

const OPTIONS = {
  header: { type: "string", short: "H", multiple: true, default: [] as string[] },
  "last-event-id": { type: "string", default: "" },
  method: { type: "string", short: "X" },
  data: { type: "string", short: "d" },
  retries: { type: "string" },
  "give-up-after": { type: "string" },
  "no-reconnect": { type: "boolean", default: false },
  "cut-every": { type: "string" },
  "allow-holes": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
  version: { type: "boolean", short: "V", default: false },
} satisfies ParseArgsConfig["options"];

/** @throws UsageError */
export function readCommand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help) return { name: "help" };
  if (values.version) return { name: "version" };
  const [command, url, ...more] = positionals;
  if (command === undefined) throw new UsageError("A command is missing.");
  if (command !== "tail") throw new UsageError(`There is no command "${command}", only "tail".`);
  if (url === undefined) throw new UsageError("The URL is missing.");
  if (more.length > 0) throw new UsageError(`Expected one URL, got also "${more.join(" ")}".`);
  const cutEvery = readSeconds("cut-every", values["cut-every"]);
  if (cutEvery !== undefined && values["no-reconnect"]) {
    throw new UsageError("--cut-every and --no-reconnect contradict each other.");
  }
  return {
    name: "tail",
    options: {
      url: readUrl(url),
      headers: readHeaders(values.header),
      lastEventId: values["last-event-id"],
      method: readMethod(values.method ?? (values.data === undefined ? "GET" : "POST"), values.data),
      data: values.data,
      retries: readRetries(values.retries),
      giveUpAfter: readSeconds("give-up-after", values["give-up-after"]),
      reconnects: !values["no-reconnect"],
      cutEvery,
      allowHoles: values["allow-holes"],
      json: values.json,
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new UsageError(`Expected a URL that begins with http:// or https://, got "${text}".`);
  }
  if (url.username || url.password) {
    throw new UsageError("The URL has a user name or a password: pass them with -H 'authorization: ...'.");
  }
  return url.href;
}

function readHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    try {
      headers.append(line.slice(0, Math.max(colon, 0)), line.slice(colon + 1).trim());
    } catch (cause) {
      throw new UsageError(`Expected a header as "name: value", got "${line}".`, { cause });
    }
  }
  return headers;
}

function readMethod(text: string, data: string | undefined): "GET" | "POST" {
  const method = text.toUpperCase();
  if (method !== "GET" && method !== "POST") throw new UsageError(`--method is GET or POST, got "${text}".`);
  if (method === "GET" && data !== undefined) throw new UsageError("A GET has no --data.");
  return method;
}

function readRetries(text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (!/^\d+$/.test(text)) throw new UsageError(`--retries is a whole number, got "${text}".`);
  return Number(text);
}

/** Returns ms. */
function readSeconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  // Longer timers fire at once.
  if (!(seconds > 0 && seconds < 2 ** 31 / 1_000)) {
    throw new UsageError(`--${name} is a number of seconds above 0, got "${text}".`);
  }
  return seconds * 1_000;
}
