/** The connected clients by the path that they requested, for peers that leave this to the application. */
export class ClientsByPath<Client> {
  readonly #byPath = new Map<string, Set<Client>>();

  /** @returns a function that removes the client */
  add(path: string, client: Client): () => void {
    let clients = this.#byPath.get(path);
    if (clients === undefined) this.#byPath.set(path, (clients = new Set()));
    clients.add(client);
    return () => void clients.delete(client);
  }

  at(path: string): Iterable<Client> {
    return this.#byPath.get(path) ?? [];
  }

  /** Sends a heartbeat to every client each `heartbeat` ms, from one timer; none when it is `undefined`. */
  startHeartbeats(heartbeat: number | undefined, send: (client: Client) => void): void {
    if (heartbeat === undefined) return;
    setInterval(() => {
      for (const clients of this.#byPath.values()) for (const client of clients) send(client);
    }, heartbeat);
  }
}
