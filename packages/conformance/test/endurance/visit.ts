import { connect } from "node:net";

/** What a client comes for, and what it hears first. */
export interface Sight {
  readonly path: string;
  readonly first: string;
}

/** Comes, reads until it has heard something, and leaves without a word: with a RST, or else a FIN. */
export async function visit(port: number, { path, first }: Sight, leave: "reset" | "fin"): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("latin1");
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  let heard = "";
  await new Promise<void>((resolve, reject) => {
    socket.on("data", (text: string) => {
      heard += text;
      if (!heard.includes(first)) return;
      if (leave === "reset") socket.resetAndDestroy();
      else socket.destroy();
      resolve();
    });
    socket.on("error", reject);
    socket.on("end", () => reject(new Error(`The server has left after ${heard}`)));
  });
}
