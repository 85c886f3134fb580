import { mkdir, readFile, rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Bound } from '../../packages/longshore/src/concurrency/index.ts';
import { runProgram } from '../../packages/longshore/test/interop/support/programs.ts';
import type { Counted } from '../pull/shapedRegistry.ts';
import type { RealStage } from './realStage.ts';

/** One pull as a whole process into a cold store, and what came of it. */
export interface RealRun {
  readonly workers: number | 'auto';
  /** From start to exit; `undefined` when it was stopped at the bound. */
  readonly seconds: number | undefined;
  readonly cpuSeconds: number | undefined;
  /** Of `auto`: connections on average, where it settled, and what it says bounded it. */
  readonly connections?: number;
  readonly width?: number;
  readonly says?: Bound;
  readonly counted: Counted;
  /** Load average of the machine over the last minute. */
  readonly load: number;
}

interface Report {
  readonly settled: readonly {
    readonly width: number;
    readonly verdict?: { readonly averageFlows: number; readonly bound: Bound };
  }[];
}

export async function pullOnce(
  stage: RealStage,
  workers: RealRun['workers'],
  options: {
    readonly bin: string;
    readonly folder: string;
    readonly bound: number;
    /** Where the run keeps and finds what is known of hosts. @defaultValue a folder of its own, for a cold start */
    readonly state?: string;
  },
): Promise<RealRun> {
  const { bin, folder, bound } = options;
  const target = join(folder, 'pulled');
  const state = options.state ?? join(target, 'state');
  await rm(target, { recursive: true, force: true });
  await mkdir(target);
  await stage.begin();
  const report = join(target, 'report.json');
  const times = join(target, 'times');
  const pull = [process.execPath, bin, 'pull', stage.reference, '--progress', 'quiet'];
  const flags = ['--store', join(target, 'store'), '--report', report, '--workers', `${workers}`];
  const under = ['-q', '-f', '%U %S', '-o', times, 'timeout', '-s', 'KILL', `${bound}`];
  const began = performance.now();
  const { status, stderr } = await runProgram('/usr/bin/time', [...under, ...pull, ...flags], {
    env: { XDG_STATE_HOME: state },
    timeoutMs: (bound + 30) * 1000,
  });
  const seconds = (performance.now() - began) / 1000;
  const counted = await stage.end();
  const load = loadavg()[0] ?? 0;
  const common = { workers, counted, load } as const;
  if (seconds >= bound) {
    await rm(target, { recursive: true });
    return { ...common, seconds: undefined, cpuSeconds: undefined };
  }
  if (status !== 0) throw new Error(`pull --workers ${workers}: exit ${status}\n${stderr}`);
  const [user = 0, system = 0] = (await readFile(times, 'utf8')).trim().split(' ').map(Number);
  const { settled } = JSON.parse(await readFile(report, 'utf8')) as Report;
  await rm(target, { recursive: true });
  const [{ width, verdict } = { width: 0 }] = settled;
  return {
    ...common,
    seconds,
    cpuSeconds: user + system,
    width,
    ...(verdict === undefined ? {} : { connections: verdict.averageFlows, says: verdict.bound }),
  };
}
