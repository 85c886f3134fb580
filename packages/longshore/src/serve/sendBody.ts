import type { ServerResponse } from 'node:http';
import type { BodyPlan } from './bodyPlan.ts';
import type { Flow } from './shaper.ts';
import type { ByteSource } from './source.ts';

/** One read and one write. Measured: README.md, "Speed". */
const CHUNK_BYTES = 512 * 1024;
const MAX_IDLE_BUFFERS = 16;
const idleBuffers: Uint8Array[] = [];

/** Reads and writes take turns on two buffers that are used again, also by the next body. */
function borrowBuffer(): Uint8Array {
  return idleBuffers.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
}

function returnBuffer(buffer: Uint8Array): void {
  if (idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer);
}

export interface SendOptions {
  readonly plan: BodyPlan;
  readonly source: ByteSource;
  readonly flow: Flow;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Sends a planned body, as fast as the flow and the client allow, and cuts it where planned.
 * Resolves when the last byte is handed to the kernel or the client has left.
 */
export async function sendBody(response: ServerResponse, options: SendOptions): Promise<void> {
  const sender = new Sender(response, options);
  try {
    await sender.run();
  } finally {
    sender.release();
  }
}

class Sender {
  readonly #response: ServerResponse;
  readonly #options: SendOptions;
  readonly #gone: Promise<void>;
  #buffers: [Uint8Array, Uint8Array] = [borrowBuffer(), borrowBuffer()];
  #written: Promise<boolean> = Promise.resolve(true);
  #settle: (whole: boolean) => void = () => {};
  #sentBytes = 0;
  #left = false;

  constructor(response: ServerResponse, options: SendOptions) {
    this.#response = response;
    this.#options = options;
    this.#gone = new Promise((resolve) => {
      const leave = (): void => {
        // A body that waits for its share, or for the kernel, must let go when its client has left.
        this.#left = true;
        options.flow.close();
        this.#settle(false);
        resolve();
      };
      // It may have left while the content was looked up: then no event comes any more.
      if (response.closed || response.destroyed) leave();
      else response.once('close', leave);
    });
  }

  async run(): Promise<void> {
    const { plan, flow } = this.#options;
    // As servers do that send slowly: the head does not wait for the first share of the body.
    if (!flow.isFree && !flow.isBlocked) this.#response.flushHeaders();
    const whole =
      (await this.#sendText(plan.prefix)) &&
      (await this.#sendContent()) &&
      (await this.#sendText(plan.suffix)) &&
      (await this.#written);
    if (!whole) return;
    if (this.#cutAfter() === 0) return this.#cut();
    this.#response.end();
    await Promise.race([finished(this.#response), this.#gone]);
  }

  /** Bytes until the cut. */
  #cutAfter(): number {
    const { cut } = this.#options.plan;
    return cut === undefined ? Number.POSITIVE_INFINITY : cut.at - this.#sentBytes;
  }

  async #sendText(text: string): Promise<boolean> {
    const bytes = Buffer.from(text).subarray(0, Math.min(text.length, this.#cutAfter()));
    if (bytes.byteLength === 0) return true;
    if (!(await this.#written)) return false;
    this.#write(bytes);
    return true;
  }

  async #sendContent(): Promise<boolean> {
    const { plan, source, flow } = this.#options;
    let position = plan.start;
    let granted = 0;
    while (position < plan.end && this.#cutAfter() > 0) {
      if (granted === 0) granted = await flow.take(plan.end - position);
      if (granted === 0) return false;
      const want = Math.min(granted, plan.end - position, this.#cutAfter(), CHUNK_BYTES);
      const [next, last] = this.#buffers;
      const bytes = await source.read(next.subarray(0, want), position);
      if (bytes === 0) break;
      const chunk = next.subarray(0, bytes);
      if (plan.corruptAt !== undefined) flipByte(chunk, plan.corruptAt - position);
      if (!(await this.#written)) return false;
      this.#write(chunk);
      this.#buffers = [last, next];
      position += bytes;
      granted -= bytes;
    }
    return this.#cutAfter() === 0 || position === plan.end || this.#abandon();
  }

  /** The content is shorter than its size says: better no end than a wrong one. */
  #abandon(): false {
    this.#response.destroy();
    return false;
  }

  #write(chunk: Uint8Array): void {
    this.#sentBytes += chunk.byteLength;
    // What is written to a connection that is gone is never called back.
    if (this.#left) {
      this.#written = Promise.resolve(false);
      return;
    }
    this.#written = new Promise((resolve) => {
      this.#settle = resolve;
      this.#response.write(chunk, (error) => resolve(error === undefined || error === null));
    });
    this.#options.onBytes(chunk.byteLength);
  }

  async #cut(): Promise<void> {
    const { cut } = this.#options.plan;
    this.#response.flushHeaders();
    const { socket } = this.#response;
    if (cut?.how === 'reset') socket?.resetAndDestroy();
    if (cut?.how === 'close') socket?.destroySoon();
    await this.#gone;
  }

  /** Buffers of a broken write may still be in the kernel's hands, so they are not used again. */
  release(): void {
    void this.#written.then((whole) => {
      if (whole) for (const buffer of this.#buffers) returnBuffer(buffer);
    });
  }
}

function finished(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('finish', resolve);
  });
}

/** Inverts one byte of `chunk`, where `offset` lies in it. */
export function flipByte(chunk: Uint8Array, offset: number): void {
  const byte = chunk[offset];
  if (byte !== undefined) chunk[offset] = byte ^ 0xff;
}
