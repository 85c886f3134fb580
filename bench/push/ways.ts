import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDockerEngine } from '../../packages/longshore/test/interop/support/dockerEngine.ts';
import {
  findProgram,
  mustRun,
  runProgram,
} from '../../packages/longshore/test/interop/support/programs.ts';
import type { Made } from './hundred.ts';

export interface Task {
  /** Holds `store`; for what else has to be written. */
  readonly folder: string;
  readonly images: readonly Made[];
  readonly host: string;
  /** It is killed then. */
  readonly mostSeconds: number;
}

export interface Pushed {
  readonly seconds: number;
  /** Longest silence of an upload that was cut, where the program tells. */
  readonly silentSeconds?: number;
  readonly cuts?: number;
  readonly refusals?: number;
  /** Widths in force, where the program tells. */
  readonly widths?: readonly string[];
}

/** One way to push all images. */
export type Way = (task: Task) => Promise<Pushed>;

const bin = join(import.meta.dirname, '../../packages/longshore/bin/longshore.js');

/** @param pushers a number, or `auto` */
export function longshore(pushers: string): Way {
  return async ({ folder, images, host, mostSeconds }) => {
    const list = join(folder, 'list.txt');
    const lines = images.map(({ name }) => `localhost/${name} ${host}/${name}\n`);
    await writeFile(list, lines.join(''));
    const args = ['push', '--from', list, '--store', join(folder, 'store'), '--pushers', pushers];
    // An empty state: what earlier runs found out is not used.
    const env = { XDG_STATE_HOME: join(folder, `state-${process.hrtime.bigint()}`) };
    const timeoutMs = mostSeconds * 1000;
    const began = performance.now();
    const { stderr } = await runProgram(process.execPath, [bin, ...args, '--progress', 'json'], {
      env,
      timeoutMs,
    });
    const seconds = (performance.now() - began) / 1000;
    return { seconds, ...readEvents(stderr) };
  };
}

interface AnyEvent {
  readonly type: string;
  readonly at: number;
  readonly silentMs?: number;
  readonly width?: number;
  readonly reason?: string;
  readonly error?: { readonly message: string };
}

function readEvents(stderr: string): Omit<Pushed, 'seconds'> {
  const events = stderr.split('\n').flatMap((line): AnyEvent[] => {
    return line.startsWith('{') ? [JSON.parse(line) as AnyEvent] : [];
  });
  const began = events[0]?.at ?? 0;
  const cuts = events.filter(({ type }) => type === 'upload.cut');
  const silences = cuts.map(({ silentMs = 0 }) => silentMs / 1000);
  return {
    silentSeconds: Math.max(0, ...silences),
    cuts: cuts.length,
    refusals: events.filter(
      ({ type, error }) => type === 'blob.retry' && error?.message.includes('429') === true,
    ).length,
    widths: events
      .filter(({ type }) => type === 'push.width')
      .map(({ at, width, reason }) => `${((at - began) / 1000).toFixed(1)} s: ${width}, ${reason}`),
  };
}

/** `xargs -P 8 skopeo copy`, from the same store. */
export const skopeo: Way = async ({ folder, images, host, mostSeconds }) => {
  const store = join(folder, 'store');
  const input = images.map(({ name }) => `oci:${store}:localhost/${name} docker://${host}/${name}`);
  const copy = 'skopeo --insecure-policy copy --quiet --dest-tls-verify=false'.split(' ');
  return xargs(input, copy, mostSeconds);
};

/** `xargs -P 8 docker push`, with all images in the engine beforehand. */
export const docker: Way = async ({ folder, images, host, mostSeconds }) => {
  await using engine = await startDockerEngine('overlay2');
  const store = join(folder, 'store');
  for (const { name } of images) {
    const from = `oci:${store}:localhost/${name}`;
    const to = `docker-daemon:${host}/${name}`;
    const flags = ['--insecure-policy', 'copy', '--quiet', '--dest-daemon-host', engine.socket];
    await mustRun('skopeo', [...flags, from, to]);
  }
  const names = images.map(({ name }) => `${host}/${name}`);
  const push = [findProgram('docker') ?? 'docker', '--host', engine.socket, 'push', '--quiet'];
  return await xargs(names, push, mostSeconds);
};

/** Ends with all that it started, when its time is up. */
async function xargs(
  lines: readonly string[],
  command: readonly string[],
  mostSeconds: number,
): Promise<Pushed> {
  const args = ['-k', '1', String(mostSeconds), 'xargs', '-P', '8', '-L', '1', ...command];
  const began = performance.now();
  await runProgram('timeout', args, {
    input: lines.map((line) => `${line}\n`).join(''),
    timeoutMs: (mostSeconds + 10) * 1000,
  });
  return { seconds: (performance.now() - began) / 1000 };
}
