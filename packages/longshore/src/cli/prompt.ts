import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Interrupted } from './exitCodes.ts';
import type { CliHost } from './host.ts';

/**
 * Asks for a line on the terminal; the question goes to stderr, as stdout is for results.
 * @throws Interrupted on Ctrl-C and at the end of input
 */
export async function ask(
  { stdin, stderr }: Pick<CliHost, 'stdin' | 'stderr'>,
  question: string,
  { echo = true }: { readonly echo?: boolean } = {},
): Promise<string> {
  stderr.write(question);
  // readline echoes what is typed to its output: one that swallows all keeps a password unseen.
  const output = echo ? stderr : new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output, terminal: stdin.isTTY === true });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  lines.once('line', resolve);
  lines.once('SIGINT', () => reject(new Interrupted()));
  lines.once('close', () => reject(new Interrupted()));
  try {
    return await promise;
  } finally {
    lines.close();
    if (!echo) stderr.write('\n');
  }
}

export async function askYesNo(
  host: Pick<CliHost, 'stdin' | 'stderr'>,
  question: string,
): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(host, question)).trim());
}
