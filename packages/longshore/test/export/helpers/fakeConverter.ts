import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type FakeBehaviour = 'works' | 'dies' | 'is killed' | 'fills the disk' | 'hangs' | 'is old';

const STEPS: Readonly<Record<FakeBehaviour, string>> = {
  works: '',
  dies: `process.stderr.write('FATAL ERROR: something broke\\n'); process.exit(3);`,
  'is killed': `process.kill(process.pid, 'SIGKILL');`,
  'fills the disk': `process.stderr.write('Write failed because No space left on device\\n'); process.exit(1);`,
  hangs: `setInterval(() => undefined, 1000); return;`,
  'is old': '',
};

/**
 * A program that answers like `mksquashfs`, and instead of making a squashfs writes down how it
 * was called and what it was given: `<arguments and environment as JSON>\n<the tar>`.
 */
export async function fakeMksquashfs(directory: string, does: FakeBehaviour): Promise<string> {
  const path = join(directory, 'mksquashfs');
  const version = does === 'is old' ? '4.3' : '4.6.1';
  await writeFile(
    path,
    `#!${process.execPath}
const fs = require('node:fs');
const args = process.argv.slice(2);
if (args[0] === '-version') { console.log('mksquashfs version ${version} (fake)'); process.exit(0); }
(async () => {
  const offset = args.includes('-offset') ? Number(args[args.indexOf('-offset') + 1]) : 0;
  const file = fs.openSync(args[1], 'w');
  const head = Buffer.from(JSON.stringify({ args, env: process.env }) + '\\n');
  fs.writeSync(file, head, 0, head.length, offset);
  ${STEPS[does]}
  let at = offset + head.length;
  for await (const chunk of process.stdin) at += fs.writeSync(file, chunk, 0, chunk.length, at);
})();
`,
  );
  await chmod(path, 0o755);
  return path;
}
