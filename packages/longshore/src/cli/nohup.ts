import { readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** Where the traces are looked for. */
export interface StartFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly parentPid: number;
  readonly readText: (path: string) => string;
  readonly readLink: (path: string) => string;
}

export function startFacts(): StartFacts {
  return {
    env: process.env,
    parentPid: process.ppid,
    readText: (file) => readFileSync(file, 'utf8'),
    readLink: readlinkSync,
  };
}

/**
 * Whether this process is to outlive its terminal, by `nohup` or `trap '' HUP`. Either way it began with
 * SIGHUP ignored, but Node has undone that before any code of ours runs (`nohup node` is ended by a
 * hangup, and `/proc/self/status` knows nothing of it). So the traces are looked for that are left: the
 * command that shells say they start, a script around us that ignores it too, and the input that `nohup`
 * puts in place of a terminal, which can only be written to.
 */
export function outlivesTerminal(facts: StartFacts): boolean {
  const { env } = facts;
  return path.basename(env['_'] ?? '') === 'nohup' || hasDeafParent(facts) || hasDeadInput(facts);
}

function hasDeafParent({ parentPid, readText }: StartFacts): boolean {
  const ignored = match(/^SigIgn:\s*([0-9a-f]+)$/m, () => readText(`/proc/${parentPid}/status`));
  return ignored !== undefined && (BigInt(`0x${ignored}`) & 1n) === 1n;
}

function hasDeadInput({ readText, readLink }: StartFacts): boolean {
  const flags = match(/^flags:\s*([0-7]+)$/m, () => readText('/proc/self/fdinfo/0'));
  const isWriteOnly = flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1;
  return isWriteOnly && match(/^(\/dev\/null)$/, () => readLink('/proc/self/fd/0')) !== undefined;
}

/** There is no `/proc` everywhere. */
function match(pattern: RegExp, read: () => string): string | undefined {
  try {
    return pattern.exec(read())?.[1];
  } catch {
    return undefined;
  }
}
