import { access } from 'node:fs/promises';
import type { Platform } from '../../image/index.ts';

const NODE_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** QEMU's word for a CPU, by Go's. */
const QEMU_NAMES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  arm64: 'aarch64',
  '386': 'i386',
};

/** Whether this machine runs programs of a platform, by itself or through a registered emulator. */
export async function canRunOn(platform: Platform): Promise<boolean> {
  const own = NODE_NAMES[process.arch] ?? process.arch;
  if (own === platform.architecture) return true;
  const emulator = QEMU_NAMES[platform.architecture] ?? platform.architecture;
  return await access(`/proc/sys/fs/binfmt_misc/qemu-${emulator}`).then(
    () => true,
    () => false,
  );
}
