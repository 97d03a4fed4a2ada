import { connect } from "node:net";

/** A path of the server, and the text after which a client leaves. */
export interface Target {
  readonly path: string;
  readonly until: string;
}

/** Connects, reads until the text has arrived, and disconnects with a RST or a FIN. */
export async function connectAndLeave(
  port: number,
  { path, until }: Target,
  disconnect: "reset" | "fin",
): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("latin1");
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  let received = "";
  await new Promise<void>((resolve, reject) => {
    socket.on("data", (text: string) => {
      received += text;
      if (!received.includes(until)) return;
      if (disconnect === "reset") socket.resetAndDestroy();
      else socket.destroy();
      resolve();
    });
    socket.on("error", reject);
    socket.on("end", () => reject(new Error(`The server closed the connection after ${received}`)));
  });
}
