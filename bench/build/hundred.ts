import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder of images that share a base, with a `RUN` and a little content in each. */
export interface Contexts {
  /** Holds `app0` and so on, each with a Dockerfile. */
  readonly folder: string;
  readonly names: readonly string[];
  readonly compose: string;
}

/** Bytes of the base that do not compress, beside the shell. */
const BASE_BYTES = 20e6;

/** A base image's context: a static shell and some weight, as real bases have. */
export async function writeBase(folder: string, shell: string): Promise<string> {
  const base = join(folder, 'base');
  await mkdir(base, { recursive: true });
  await copyFile(shell, join(base, 'busybox'));
  await writeFile(join(base, 'weight'), noise(BASE_BYTES, 1));
  const lines = [
    'FROM scratch',
    'COPY busybox /bin/busybox',
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
    'COPY weight /weight',
  ];
  await writeFile(join(base, 'Dockerfile'), `${lines.join('\n')}\n`);
  return base;
}

export interface HundredOptions {
  readonly images: number;
  /** What `FROM` names. */
  readonly base: string;
  /** Makes every layer another than in any other run, so that no cache has it. */
  readonly token: string;
  /** `HOST/REPOSITORY` before each name. */
  readonly prefix: string;
  /** Without `RUN`, for builders that run nothing. */
  readonly plain?: boolean;
  /** Of each image's own layer. */
  readonly ownBytes: number;
}

export async function writeHundred(folder: string, options: HundredOptions): Promise<Contexts> {
  const { images, base, token, prefix, plain = false, ownBytes } = options;
  await rm(folder, { recursive: true, force: true });
  const names = Array.from({ length: images }, (_, i) => `app${i}`);
  const services: Record<string, unknown> = {};
  for (const [i, name] of names.entries()) {
    const context = join(folder, name);
    await mkdir(context, { recursive: true });
    await writeFile(join(context, 'own'), noise(ownBytes, i + 2));
    await writeFile(join(context, 'token'), `${token} ${name}\n`);
    const run = plain ? '' : `RUN wc -c /own > /counted && echo ${token} >> /counted\n`;
    const dockerfile = `FROM ${base}\nCOPY own token /\n${run}`;
    await writeFile(join(context, 'Dockerfile'), dockerfile);
    services[name] = { image: `${prefix}/${name}:latest`, build: { context, network: 'none' } };
  }
  const compose = join(folder, 'compose.json');
  await writeFile(compose, JSON.stringify({ name: 'hundred', services }));
  return { folder, names, compose };
}

/** Bytes that hardly compress, the same for the same seed (xorshift32). */
function noise(bytes: number, seed: number): Buffer {
  const buffer = Buffer.alloc(bytes - (bytes % 4));
  let state = (seed * 2654435761) | 1;
  for (let at = 0; at < buffer.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    buffer.writeInt32LE(state | 0, at);
  }
  return buffer;
}
