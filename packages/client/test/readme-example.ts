import { connect, json, text } from "@holdfast/client";

export async function showJob(id: string, show: (line: string) => void): Promise<void> {
  const job = connect(`http://127.0.0.1:3000/jobs/${id}`, {
    events: { token: text, progress: json<{ done: number; total: number }>() },
    onReset: ({ lost }) =>
      show(lost === null ? "Starting over." : `Events ${lost[0]} to ${lost[1]} are lost.`),
  });
  job.subscribe((state) => {
    if (state.status === "retrying") show(`Back in ${Math.round(state.delay / 1000)} s. ${state.message}`);
  });
  for await (const message of job) {
    if (message.event === "token") show(message.data);
    if (message.event === "progress") show(`${message.data.done} of ${message.data.total}`);
  }
  show("Done."); // however often the connection was lost
}
