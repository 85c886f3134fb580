import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TarMember } from '../tar/writer.ts';

const KINDS: Readonly<Record<string, string>> = {
  'character-device': 'c',
  'block-device': 'b',
  fifo: 'p',
};

const run = promisify(execFile);

/**
 * Makes a device node or a fifo by coreutils' `mknod`: Node has no call for it.
 * @returns false where that is not allowed, not there, or the name cannot be an argument
 */
export async function makeNode(path: Buffer, member: TarMember): Promise<boolean> {
  const kind = KINDS[member.type];
  const name = path.toString('utf8');
  if (kind === undefined || !Buffer.from(name, 'utf8').equals(path)) return false;
  const numbers = kind === 'p' ? [] : [String(member.deviceMajor), String(member.deviceMinor)];
  try {
    await run('/usr/bin/mknod', ['-m', '600', '--', name, kind, ...numbers], { env: {} });
    return true;
  } catch {
    return false;
  }
}
