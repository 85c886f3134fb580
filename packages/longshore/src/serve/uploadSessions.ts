import { randomUUID } from 'node:crypto';
import type { Store, Upload } from '../store/index.ts';

/** An upload that spans requests. */
export interface UploadSession {
  readonly id: string;
  /** Goes out with each `Location` and must come back: clients that rebuild the address fail here. */
  readonly state: string;
  /** Repository that it belongs to, host included. */
  readonly owner: string;
  readonly upload: Upload;
  /** Cuts off the request that is writing now. */
  cutOff: (() => Promise<void>) | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** The open uploads of a server. What nobody has touched for a while is thrown away. */
export class UploadSessions {
  readonly #store: Store;
  readonly #idleMs: number;
  readonly #open = new Map<string, UploadSession>();

  constructor(store: Store, idleMs: number) {
    this.#store = store;
    this.#idleMs = idleMs;
  }

  get size(): number {
    return this.#open.size;
  }

  async start(owner: string): Promise<UploadSession> {
    const upload = await this.#store.upload();
    const id = randomUUID();
    const state = randomUUID();
    const session: UploadSession = {
      id,
      state,
      owner,
      upload,
      cutOff: undefined,
      timer: undefined,
    };
    this.#open.set(id, session);
    this.touch(session);
    return session;
  }

  find(owner: string, id: string): UploadSession | undefined {
    const session = this.#open.get(id);
    if (session?.owner !== owner) return undefined;
    this.touch(session);
    return session;
  }

  touch(session: UploadSession): void {
    clearTimeout(session.timer);
    session.timer = setTimeout(() => {
      if (session.cutOff === undefined) void this.abort(session);
      else this.touch(session);
    }, this.#idleMs);
    session.timer.unref();
  }

  /** Forgets a session whose upload has ended. */
  end(session: UploadSession): void {
    clearTimeout(session.timer);
    this.#open.delete(session.id);
  }

  async abort(session: UploadSession): Promise<void> {
    this.end(session);
    await session.upload.abort();
  }

  /** Throws all of them away. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#open.values(), (session) => this.abort(session)));
  }
}
