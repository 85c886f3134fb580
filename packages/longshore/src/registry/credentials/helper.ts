import { spawn } from 'node:child_process';
import { errnoOf, LongshoreError } from '../../errors.ts';
import { cleanText } from '../redact.ts';
import { isObject } from './configFile.ts';
import type { Credential } from './types.ts';

/** What a helper printed, and how it ended. */
export interface HelperResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type HelperAction = 'get' | 'store' | 'erase';

/** Runs one helper program to its end. */
export type RunHelper = (
  name: string,
  action: HelperAction,
  input: string,
  signal: AbortSignal,
) => Promise<HelperResult>;

const MAX_OUTPUT_BYTES = 1024 * 1024;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** What helpers print for a server that they do not know (docker-credential-helpers). */
const NOT_FOUND = /credentials not found/i;
/** The user name that marks a secret as an identity token. */
const TOKEN_USER = '<token>';

/**
 * Runs `docker-credential-NAME` from the `PATH` of this process. Its input and output hold
 * secrets, so neither is ever put into a message; what it says on stderr is.
 * @throws LongshoreError `ERR_CREDENTIAL_HELPER`
 */
export async function runHelperProgram(
  name: string,
  action: HelperAction,
  input: string,
  signal: AbortSignal,
): Promise<HelperResult> {
  // The name comes from a file; it must not become a path.
  if (!NAME.test(name)) throw helperError(name, action, 'its name is not one');
  const child = spawn(`docker-credential-${name}`, [action], {
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  // A helper may end without reading what it was given.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const stdout = gather(child.stdout, () => child.kill('SIGKILL'));
  const stderr = gather(child.stderr, () => child.kill('SIGKILL'));
  try {
    const exitCode = await promise;
    return { exitCode, stdout: stdout(), stderr: stderr() };
  } catch (cause) {
    const missing = errnoOf(cause) === 'ENOENT';
    const reason = missing ? 'there is no such program' : 'it did not end in time';
    throw helperError(name, action, reason, cause);
  }
}

function gather(stream: NodeJS.ReadableStream, onTooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size > MAX_OUTPUT_BYTES) onTooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/** Reads what `get` printed. `undefined` when the helper has nothing for this server. */
export function readHelperAnswer(name: string, result: HelperResult): Credential | undefined {
  if (result.exitCode !== 0) {
    const said = `${result.stdout} ${result.stderr}`;
    if (NOT_FOUND.test(said)) return undefined;
    throw helperError(name, 'get', cleanText(result.stderr) || `exit code ${result.exitCode}`);
  }
  let answer: unknown;
  try {
    answer = JSON.parse(result.stdout);
  } catch {
    throw helperError(name, 'get', 'its answer is not JSON');
  }
  const { Username: username, Secret: secret } = isObject(answer) ? answer : {};
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw helperError(name, 'get', 'its answer has no Username and Secret');
  }
  if (secret === '') return undefined;
  const source = `docker-credential-${name}`;
  return username === TOKEN_USER
    ? { kind: 'identityToken', token: secret, source }
    : { kind: 'basic', username, password: secret, source };
}

export function helperError(
  name: string,
  action: HelperAction,
  reason: string,
  cause?: unknown,
): LongshoreError {
  const program = `docker-credential-${cleanText(name, 64)}`;
  return new LongshoreError(`${program} ${action} failed: ${reason}`, {
    code: 'ERR_CREDENTIAL_HELPER',
    origin: 'input',
    hint: `Your Docker configuration names ${program}; see that it runs, or remove it there`,
    cause,
  });
}
