import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun, type ProgramResult, runProgram } from './programs.ts';

const bin = join(import.meta.dirname, '../../../bin/longshore.js');

/** The real command line, as a person has it, with a home folder of its own. */
export interface Longshore {
  /** Runs it to its end. */
  run(...args: readonly string[]): Promise<ProgramResult>;
  /** Runs it to its end; it has to succeed. Gives its stdout. */
  must(...args: readonly string[]): Promise<string>;
  /** Starts it and kills it (`kill -9`). Gives what it had said; rejects if it ended before. */
  kill(moment: KillMoment, ...args: readonly string[]): Promise<string>;
  /** Writes a Docker `config.json` with this user, and those for other registries before. */
  logIn(host: string, user: string, password: string): Promise<void>;
}

/** When to kill it: this long after it has said that on stderr; '' is its start. */
export interface KillMoment {
  readonly said: string;
  readonly thenMs: number;
}

/**
 * @param home - an empty folder; neither settings nor credentials of this machine are read
 * @param more - further variables
 */
export function longshoreAt(home: string, more: Readonly<Record<string, string>> = {}): Longshore {
  const docker = join(home, '.docker');
  const auths: Record<string, { readonly auth: string }> = {};
  const env = {
    HOME: home,
    DOCKER_CONFIG: docker,
    REGISTRY_AUTH_FILE: undefined,
    XDG_CONFIG_HOME: undefined,
    XDG_DATA_HOME: undefined,
    XDG_RUNTIME_DIR: undefined,
    LONGSHORE_STORE: undefined,
    ...more,
  };
  return {
    run: (...args) => runProgram(process.execPath, [bin, ...args], { env }),
    must: (...args) => mustRun(process.execPath, [bin, ...args], { env }),
    async kill({ said, thenMs }, ...args) {
      const child = spawn(process.execPath, [bin, ...args], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let output = '';
      let timer: NodeJS.Timeout | undefined;
      const look = (): void => {
        if (timer === undefined && output.includes(said)) {
          timer = setTimeout(() => child.kill('SIGKILL'), thenMs);
        }
      };
      look();
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        look();
      });
      const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
      clearTimeout(timer);
      if (signal !== 'SIGKILL') {
        throw new Error(`It ended by itself, ${status}, before it was killed:\n${output}`);
      }
      return output;
    },
    async logIn(host, user, password) {
      await mkdir(docker, { recursive: true });
      auths[host] = { auth: Buffer.from(`${user}:${password}`).toString('base64') };
      await writeFile(join(docker, 'config.json'), JSON.stringify({ auths }), { mode: 0o600 });
    },
  };
}
