import { type ReactElement, useEffect, useState, useSyncExternalStore } from "react";
import { readProcess, replaceProcess } from "../../common/page/server-process.js";
import { network, type NetworkState } from "./network.ts";

const STATES: Readonly<Record<NetworkState, string>> = {
  idle: "idle",
  connected: "connected",
  cut: "cut",
  reconnecting: "reconnecting",
};

/** Everything that usually costs an answer. */
export function BreakIt(): ReactElement {
  const [isOpen, setOpen] = useState(false);
  const [pid, setPid] = useState<number>();
  const [canBeKilled, setCanBeKilled] = useState(false);
  const [isReplacing, setReplacing] = useState(false);
  const [news, setNews] = useState("");
  const state = useSyncExternalStore(network.subscribe, () => network.state);

  useEffect(() => {
    void readProcess().then((first) => {
      setPid(first?.pid);
      setCanBeKilled(first?.canBeKilled === true);
    });
  }, []);

  async function replace(how: "/kill" | "/deploy", done: (before: number) => string): Promise<void> {
    setReplacing(true);
    setNews("");
    const replaced = await replaceProcess(how, (before) => setNews(done(before)));
    setReplacing(false);
    if (replaced === undefined) return;
    setPid(replaced.after);
    setNews(`${done(replaced.before)} Process ${replaced.after} has taken over.`);
  }

  return (
    <aside aria-labelledby="break-it" data-open={isOpen}>
      <h2 id="break-it">
        <span>Break it</span>
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls="breakers"
          onClick={() => setOpen(!isOpen)}
        >
          Break it
        </button>
      </h2>
      <div id="breakers">
        <div className="breakers">
          <button type="button" onClick={() => location.reload()}>
            Reload the page
          </button>
          <a className="button" href={location.href} target="_blank" rel="noreferrer">
            Open a second tab
          </a>
          {state === "cut" ? (
            <button type="button" onClick={network.restore}>
              Restore the connection
            </button>
          ) : (
            <button type="button" onClick={network.cut}>
              Cut the connection
            </button>
          )}
          {canBeKilled && (
            <>
              <button
                type="button"
                disabled={isReplacing}
                onClick={() => void replace("/deploy", (before) => `Process ${before} finishes its answers.`)}
              >
                Deploy
              </button>
              <button
                type="button"
                className="danger"
                disabled={isReplacing}
                onClick={() => void replace("/kill", (before) => `Process ${before} was killed.`)}
              >
                Kill the server
              </button>
            </>
          )}
        </div>
        <dl className="facts">
          <div>
            <dt>Connection of the chat</dt>
            <dd>
              <span className="state" data-state={state === "connected" ? "live" : state}>
                {STATES[state]}
              </span>
            </dd>
          </div>
          <div>
            <dt>Process of the server</dt>
            <dd>{pid ?? "…"}</dd>
          </div>
        </dl>
        <p role="status" className="news">
          {news}
        </p>
      </div>
    </aside>
  );
}
