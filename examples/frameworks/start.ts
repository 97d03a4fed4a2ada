import { countdowns } from "./countdowns.ts";
import { servers } from "./servers.ts";

const [name = "h3"] = process.argv.slice(2);
const start = Object.entries(servers).find(([known]) => known === name)?.[1];

if (start === undefined) {
  console.error(`Unknown framework ${name}: use one of ${Object.keys(servers).join(", ")}.`);
  process.exitCode = 1;
} else {
  const { url } = await start(Number(process.env["PORT"] ?? 3000));
  console.log(`${name}: ${new URL("/countdowns/apollo", url).href}`);
  process.once("SIGTERM", () => void countdowns.close().then(() => process.exit()));
}
