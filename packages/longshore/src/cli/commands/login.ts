import { isRegistryHost } from '../../image/index.ts';
import { openRegistry, readConnection } from '../connect.ts';
import { credentialPlaces } from '../credentialPlaces.ts';
import { EXIT } from '../exitCodes.ts';
import { usageError } from '../failures.ts';
import type { InputStream } from '../host.ts';
import { withInterrupts } from '../interrupts.ts';
import { ask } from '../prompt.ts';
import type { CommandContext } from './context.ts';

/** Longer than any token; keeps a mistaken `< disk.img` out of the memory. */
const MAX_PASSWORD_BYTES = 1024 * 1024;

/** `longshore login HOST` */
export async function runLogin(context: CommandContext): Promise<number> {
  const { host, complain } = context;
  const registry = checkRegistryHost(context.args[0] ?? '', 'login');
  const connection = await readConnection(context);
  const { username, password } = await readLogin(context, registry);
  const credential = { kind: 'basic', username, password, source: 'this login' } as const;
  const client = await openRegistry(context, connection, { given: [{ registry, credential }] });
  try {
    await withInterrupts(host, (signal) => client.ping(registry, { signal }));
  } finally {
    await client.close();
  }
  const { storeCredential } = await import('../../registry/index.ts');
  const { loginFile } = credentialPlaces(context);
  const where = await storeCredential(registry, { username, password }, { file: loginFile });
  complain(`Logged in to ${registry} as ${username}; saved in ${where}\n`);
  return EXIT.ok;
}

/** @throws LongshoreError `ERR_USAGE` */
export function checkRegistryHost(text: string, command: string): string {
  if (isRegistryHost(text)) return text;
  throw usageError(
    `${command}: ${JSON.stringify(text)} is not a host`,
    'Write HOST or HOST:PORT, without https:// and without a path',
  );
}

async function readLogin(
  { settings, host }: CommandContext,
  registry: string,
): Promise<{ readonly username: string; readonly password: string }> {
  const fromStdin = settings['password-stdin'] === true;
  if (!fromStdin && host.stdin.isTTY !== true) {
    throw usageError(
      'login: stdin is no terminal to ask on',
      'Use --username and --password-stdin',
    );
  }
  if (fromStdin && settings.username === undefined) {
    throw usageError('login: --password-stdin needs --username');
  }
  const username = settings.username ?? (await ask(host, `User name for ${registry}: `)).trim();
  const password = fromStdin
    ? await readPassword(host.stdin)
    : await ask(host, 'Password: ', { echo: false });
  if (username === '' || password === '') throw usageError('login: user name or password is empty');
  return { username, password };
}

/** All of stdin, one line end at its end left out. */
async function readPassword(stdin: InputStream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.byteLength;
    if (size > MAX_PASSWORD_BYTES) throw usageError('login: the password is over 1 MiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}
