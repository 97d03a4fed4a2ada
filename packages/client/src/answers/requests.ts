import type { Answer } from "./answer.ts";

/** The URL of a request about one answer: a path below the URL of the API, before its query. */
export function answerUrl(api: string, id: string, name: "stream" | "stop"): string {
  const [path = "", query] = api.split(/(?=[?#])/, 2);
  const base = path.endsWith("/") ? path.slice(0, -1) : path;
  return `${base}/${encodeURIComponent(id)}/${name}${query ?? ""}`;
}

/**
 * Asks the server to stop what these read.
 *
 * @throws (as a rejection) what `post` throws; Error if the server refuses
 */
export async function stopAnswers<Chunk>(
  answers: readonly Answer<Chunk>[],
  post: () => Promise<Response>,
): Promise<void> {
  const mark = (isStopped: boolean): void => {
    for (const answer of answers) answer.markStopped(isStopped);
  };
  // Before the request: the answers may end before its response comes.
  mark(true);
  try {
    const response = await post();
    await response.body?.cancel();
    if (!response.ok) throw new Error(`The server has refused to stop it: ${response.status}.`);
  } catch (error) {
    mark(false);
    throw error;
  }
}
