/** Clients by the path they asked for, for peers that leave this to their users. */
export class Audience<Client> {
  readonly #byPath = new Map<string, Set<Client>>();

  /** @returns how the client leaves */
  join(path: string, client: Client): () => void {
    let clients = this.#byPath.get(path);
    if (clients === undefined) this.#byPath.set(path, (clients = new Set()));
    clients.add(client);
    return () => void clients.delete(client);
  }

  at(path: string): Iterable<Client> {
    return this.#byPath.get(path) ?? [];
  }

  /** Calls `beat` for everybody once in so many ms, from one timer. */
  keepAlive(heartbeat: number | undefined, beat: (client: Client) => void): void {
    if (heartbeat === undefined) return;
    setInterval(() => {
      for (const clients of this.#byPath.values()) for (const client of clients) beat(client);
    }, heartbeat);
  }
}
