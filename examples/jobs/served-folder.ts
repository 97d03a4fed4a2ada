import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { HTTPException } from "hono/http-exception";

/**
 * The real path of a folder within the served root. Nothing leads out of it: neither `..`, nor an absolute path, nor
 * a symbolic link.
 *
 * @param path as the client gave it, relative to the root; none is the root itself
 * @throws an `HTTPException` 400 that says what is wrong with it
 */
export async function servedFolder(root: string, path: unknown = "."): Promise<string> {
  if (typeof path !== "string") throw refused(`"path" must be a string, not ${JSON.stringify(path)}`);
  if (path.includes("\0")) throw refused(`"path" must not contain NUL`);
  const realRoot = await realpath(root);
  const wanted = resolve(realRoot, path);
  // Before the disk is touched, so that nobody learns what exists outside.
  if (!isWithin(realRoot, wanted)) throw refused(`${JSON.stringify(path)} is outside the served folder`);

  const folder = await realpath(wanted).catch((cause: unknown) => {
    throw refused(`there is no folder ${JSON.stringify(path)}`, cause);
  });
  if (!isWithin(realRoot, folder)) throw refused(`${JSON.stringify(path)} leads outside the served folder`);
  if (!(await stat(folder)).isDirectory()) throw refused(`${JSON.stringify(path)} is not a folder`);
  return folder;
}

function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function refused(message: string, cause?: unknown): HTTPException {
  return new HTTPException(400, { message, cause });
}
