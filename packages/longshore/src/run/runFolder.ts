import { createHash, randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuilderName, BuildGraph } from '../build/index.ts';
import { errnoOf, isLongshoreError, LongshoreError } from '../errors.ts';
import { listFolder, makeFolder, replaceFile, storeModes } from '../store/index.ts';
import { readJournal } from './journal.ts';
import { type JournalLine, type Ledger, newLedger, replay } from './ledger.ts';

/** What a run was started with: everything that taking it up again needs. Kept as `plan.json`. */
export interface RunPlan {
  readonly version: 1;
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** As it was typed, for people. */
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly graph: BuildGraph;
  readonly push: boolean;
  readonly publish: 'each' | 'all-or-none';
  readonly builder: BuilderName;
  /** What the command line was set to, for it to read again; nothing secret is in it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** One run on disk: `runs/<id>/{plan.json,events.jsonl,logs/}` in the store. */
export interface StoredRun {
  readonly plan: RunPlan;
  readonly folder: RunFolder;
  readonly lines: readonly JournalLine[];
  readonly ledger: Ledger;
}

export interface RunFolder {
  readonly path: string;
  readonly planFile: string;
  readonly journalFile: string;
  /** The log of a target. */
  logFile(target: string): string;
}

const OTHERS_WRITE = 0o022;
/** Of a folder: nobody takes away what is another's. */
const STICKY = 0o1000;

const ID = /^\d{8}-\d{6}-[0-9a-f]{4}$/;

/** Sorts by time, is quick to type, and says when. UTC. */
export function newRunId(now: Date): string {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${randomBytes(2).toString('hex')}`;
}

function runFolder(storePath: string, id: string): RunFolder {
  const path = join(storePath, 'runs', id);
  return {
    path,
    planFile: join(path, 'plan.json'),
    journalFile: join(path, 'events.jsonl'),
    logFile: (target) => join(path, 'logs', `${fileName(target)}.log`),
  };
}

/** Writes a new run's plan; nothing of the run counts before it is there. */
export async function createRun(storePath: string, plan: RunPlan): Promise<StoredRun> {
  const folder = runFolder(storePath, plan.id);
  try {
    // Of a group's store, all of the group may add runs; what is in one is its maker's.
    const { directory } = await storeModes(storePath);
    await makeFolder(dirname(folder.path), directory && directory | STICKY);
    await mkdir(join(folder.path, 'logs'), { recursive: true, mode: 0o700 });
    await chmod(folder.path, 0o700);
  } catch (cause) {
    if (isLongshoreError(cause)) throw cause;
    throw new LongshoreError(`Cannot make ${folder.path}: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'ERR_STORE_NOT_WRITABLE',
      origin: 'store',
      hint: 'Give a store that you may write, with --store',
      cause,
    });
  }
  await replaceFile(folder.planFile, `${JSON.stringify(plan, undefined, 1)}\n`, { mode: 0o600 });
  return { plan, folder, lines: [], ledger: newLedger(plan.graph) };
}

/**
 * The identifiers of all runs, oldest first. Where others may add runs only one's own count: to resume
 * a run is to do what its plan says.
 */
export async function listRuns(storePath: string): Promise<readonly string[]> {
  const folder = join(storePath, 'runs');
  const isOpen = ((await lstat(folder).catch(() => undefined))?.mode ?? 0) & OTHERS_WRITE;
  const ids: string[] = [];
  for (const name of await listFolder(folder)) {
    if (ID.test(name) && (isOpen === 0 || (await isOwn(join(folder, name))))) ids.push(name);
  }
  return ids.sort();
}

/** Nobody else can have put anything into it. */
async function isOwn(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return (
    found?.isDirectory() === true &&
    found.uid === process.geteuid?.() &&
    (found.mode & OTHERS_WRITE) === 0
  );
}

/**
 * Finds a run by its identifier or a beginning or end of it that no other run shares; without one,
 * the newest.
 * @throws LongshoreError `ERR_RUN_NOT_FOUND`
 */
export async function findRun(storePath: string, wanted: string | undefined): Promise<string> {
  const ids = await listRuns(storePath);
  const matching =
    wanted === undefined
      ? ids.slice(-1)
      : ids.filter((id) => id.startsWith(wanted) || id.endsWith(wanted));
  const [id, another] = matching;
  if (id !== undefined && another === undefined) return id;
  const which = wanted === undefined ? 'There is no run yet' : `There is no run ${wanted}`;
  throw new LongshoreError(another === undefined ? which : `${wanted} is not one run but several`, {
    code: 'ERR_RUN_NOT_FOUND',
    origin: 'input',
    hint:
      another === undefined
        ? 'longshore runs lists them; longshore build starts one'
        : `Name one of ${matching.slice(0, 5).join(', ')}`,
  });
}

/**
 * Reads a run as its plan and its journal have it.
 * @throws LongshoreError `ERR_RUN_NOT_FOUND`, `ERR_RUN_VERSION`, `ERR_JOURNAL`
 */
export async function readRun(storePath: string, id: string): Promise<StoredRun> {
  const folder = runFolder(storePath, id);
  const plan = await readPlan(folder.planFile, id);
  const lines = await readJournal(folder.journalFile);
  return { plan, folder, lines, ledger: replay(newLedger(plan.graph), lines) };
}

async function readPlan(path: string, id: string): Promise<RunPlan> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new LongshoreError(`The run ${id} has no plan: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'ERR_RUN_NOT_FOUND',
      origin: 'input',
      hint: 'It ended before it began; start it again with longshore build',
      cause,
    });
  }
  const plan = parsePlan(text);
  if (plan?.version === 1 && plan.id === id && Array.isArray(plan.graph?.targets)) return plan;
  throw new LongshoreError(`The plan ${path} is not one that this version can read`, {
    code: 'ERR_RUN_VERSION',
    origin: 'store',
    hint: 'Start it again with longshore build, or take it up with the version that began it',
  });
}

/** Written by this program, in a folder that only its user writes; the version is checked. */
function parsePlan(text: string): RunPlan | undefined {
  try {
    return JSON.parse(text) as RunPlan;
  } catch {
    return undefined;
  }
}

/** A target's name as one path component, readable, and one to one. */
function fileName(target: string): string {
  const name = encodeURIComponent(target).replace(/^\./, '%2E').replace(/\*/g, '%2A');
  return name.length <= 200 ? name : `${name.slice(0, 160)}-${shortHash(target)}`;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
