import type { AddressInfo, Server } from "node:net";

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) =>
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }, resolve),
  );
  return (server.address() as AddressInfo).port;
}
