import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { HTTPException } from "hono/http-exception";

/**
 * Resolves the path of a request to the real path of a folder within the root. Rejects every path out of the root, by
 * `..`, by an absolute path or by a symbolic link.
 *
 * @param path relative to the root; `undefined` for the root itself
 * @throws an `HTTPException` 400 that says what is wrong with the path
 */
export async function servedFolder(root: string, path: unknown = "."): Promise<string> {
  if (typeof path !== "string") throw badRequest(`"path" must be a string, not ${JSON.stringify(path)}`);
  if (path.includes("\0")) throw badRequest(`"path" must not contain NUL`);
  const realRoot = await realpath(root);
  const wanted = resolve(realRoot, path);
  // Checked before the disk is read, so that the response does not reveal what exists outside the root.
  if (!isWithin(realRoot, wanted)) throw badRequest(`${JSON.stringify(path)} is outside the served folder`);

  const folder = await realpath(wanted).catch((cause: unknown) => {
    throw badRequest(`there is no folder ${JSON.stringify(path)}`, cause);
  });
  if (!isWithin(realRoot, folder))
    throw badRequest(`${JSON.stringify(path)} leads outside the served folder`);
  if (!(await stat(folder)).isDirectory()) throw badRequest(`${JSON.stringify(path)} is not a folder`);
  return folder;
}

function isWithin(root: string, path: string): boolean {
  const fromRoot = relative(root, path);
  return fromRoot !== ".." && !fromRoot.startsWith(`..${sep}`) && !isAbsolute(fromRoot);
}

function badRequest(message: string, cause?: unknown): HTTPException {
  return new HTTPException(400, { message, cause });
}
