import type { Connection } from './connection.ts';

/** Just under what servers close idle connections after (Node 5 s, nginx and Go longer). */
const MAX_IDLE_MS = 4000;
/** More would be closed by the server before they are needed. */
const MAX_IDLE_PER_ORIGIN = 64;

/** Connections between two requests, by origin. The most recent is taken first. */
export class IdleConnections {
  readonly #idle = new Map<string, { connection: Connection; timer: NodeJS.Timeout }[]>();
  #closed = false;

  take(origin: string): Connection | undefined {
    const list = this.#idle.get(origin);
    for (let found = list?.pop(); found !== undefined; found = list?.pop()) {
      clearTimeout(found.timer);
      if (found.connection.usable) return found.connection;
    }
    return undefined;
  }

  put(origin: string, connection: Connection): void {
    const list = this.#idle.get(origin) ?? [];
    if (this.#closed || !connection.usable || list.length >= MAX_IDLE_PER_ORIGIN) {
      connection.destroy();
      return;
    }
    const timer = setTimeout(() => connection.destroy(), MAX_IDLE_MS).unref();
    connection.rest(() => this.#forget(origin, connection));
    list.push({ connection, timer });
    this.#idle.set(origin, list);
  }

  #forget(origin: string, connection: Connection): void {
    const list = this.#idle.get(origin) ?? [];
    const at = list.findIndex((entry) => entry.connection === connection);
    if (at < 0) return;
    clearTimeout(list[at]?.timer);
    list.splice(at, 1);
  }

  close(): void {
    this.#closed = true;
    for (const list of this.#idle.values()) {
      for (const { connection, timer } of list) {
        clearTimeout(timer);
        connection.destroy();
      }
    }
    this.#idle.clear();
  }
}
