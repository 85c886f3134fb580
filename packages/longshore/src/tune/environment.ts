import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import { fileSystemName } from '../fileSystem.ts';
import { median } from './stats/moments.ts';
import type { Environment } from './types.ts';

const PROBES = 5;
const PROBE_TIMEOUT_MS = 2000;

/**
 * Reads what this machine and the way to the registry are. What cannot be found out is left out.
 * @param registry host and perhaps a port
 */
export async function readEnvironment(options: {
  readonly registry: string;
  readonly folder: string;
  readonly version: string;
}): Promise<Environment> {
  const [line, fileSystem] = await Promise.all([
    probeLine(options.registry),
    fileSystemOf(options.folder),
  ]);
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? os.arch(),
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    longshore: options.version,
    registry: options.registry,
    ...(fileSystem === undefined ? {} : { fileSystem }),
    ...line,
  };
}

async function fileSystemOf(folder: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  const { type } = await statfs(folder).catch(() => ({ type: undefined }));
  return type === undefined ? undefined : (fileSystemName(type) ?? `0x${type.toString(16)}`);
}

type Line = Pick<Environment, 'rttMs' | 'addressFamily' | 'remoteAddress'>;

async function probeLine(registry: string): Promise<Line> {
  const { host, port } = addressOf(registry);
  const times: number[] = [];
  let line: Line = {};
  for (let i = 0; i < PROBES; i += 1) {
    const probe = await openOnce(host, port);
    if (probe === undefined) break;
    const { milliseconds, ...where } = probe;
    times.push(milliseconds);
    line = where;
  }
  return times.length === 0 ? {} : { ...line, rttMs: Math.round(median(times) * 1000) / 1000 };
}

/** Where Docker Hub's name leads. */
function addressOf(registry: string): { readonly host: string; readonly port: number } {
  const url = new URL(`https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 443) };
}

function openOnce(
  host: string,
  port: number,
): Promise<(Line & { readonly milliseconds: number }) | undefined> {
  return new Promise((resolve) => {
    const begun = performance.now();
    const socket = connect({ host, port, timeout: PROBE_TIMEOUT_MS });
    const end = (result?: Line & { readonly milliseconds: number }): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => {
      const milliseconds = performance.now() - begun;
      const { remoteAddress, remoteFamily } = socket;
      end({
        milliseconds,
        ...(remoteAddress === undefined ? {} : { remoteAddress }),
        ...(remoteFamily === 'IPv6' || remoteFamily === 'IPv4'
          ? { addressFamily: remoteFamily }
          : {}),
      });
    });
    socket.once('error', () => end());
    socket.once('timeout', () => end());
  });
}
