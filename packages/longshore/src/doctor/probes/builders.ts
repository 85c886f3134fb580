import type { BuilderFacts, EngineFacts } from '../types.ts';
import type { ReadText, RunProgram } from './program.ts';

export interface BuilderProbeOptions {
  readonly run: RunProgram;
  readonly read: ReadText;
  /** Settings files of the engine; the first that is there counts. */
  readonly engineSettings: readonly string[];
  /** Settings files of BuildKit; the first that is there counts. */
  readonly buildkitSettings: readonly string[];
  /** User id and name of this process. */
  readonly user: { readonly uid: number; readonly name: string };
}

/** Asks the builders of this machine what they are and what bounds them. */
export async function probeBuilders(options: BuilderProbeOptions): Promise<BuilderFacts> {
  const { run, read, buildkitSettings } = options;
  const [engine, buildx, buildkit, buildah] = await Promise.all([
    probeEngine(options),
    run('docker', ['buildx', 'version']),
    firstText(read, buildkitSettings),
    run('buildah', ['--version']),
  ]);
  return {
    engine,
    buildx: buildx === undefined ? undefined : (readVersion(buildx) ?? 'of an unknown version'),
    maxParallelism: buildkit === undefined ? undefined : readMaxParallelism(buildkit),
    buildah: buildah === undefined ? undefined : (readVersion(buildah) ?? 'of an unknown version'),
    rootlessObstacle: buildah === undefined ? undefined : await findRootlessObstacle(options),
  };
}

async function probeEngine({
  run,
  read,
  engineSettings,
}: BuilderProbeOptions): Promise<EngineFacts> {
  const [client, info, settings] = await Promise.all([
    run('docker', ['--version']),
    run('docker', ['info', '--format', '{{json .}}']),
    firstText(read, engineSettings),
  ]);
  const told = readInfo(info ?? '');
  return {
    client: client !== undefined,
    ...told,
    maxConcurrentUploads: settings === undefined ? undefined : readUploads(settings),
  };
}

/** What `docker info` prints as JSON. */
function readInfo(text: string): Omit<EngineFacts, 'client' | 'maxConcurrentUploads'> {
  const info = readObject(text);
  const version = textOf(info['ServerVersion']);
  const errors = Array.isArray(info['ServerErrors']) ? info['ServerErrors'] : [];
  const status = JSON.stringify(info['DriverStatus'] ?? []);
  return {
    silence: textOf(errors[0]) ?? (version === undefined ? 'docker info says nothing' : undefined),
    version,
    storageDriver: textOf(info['Driver']),
    containerdStore: status.includes('io.containerd.snapshotter'),
  };
}

/** `max-concurrent-uploads` of `daemon.json`. */
function readUploads(text: string): number | undefined {
  const value = readObject(text)['max-concurrent-uploads'];
  return typeof value === 'number' && value > 0 ? value : undefined;
}

/** `max-parallelism` of `buildkitd.toml`, in the table of a worker. */
function readMaxParallelism(text: string): number | undefined {
  const value = Number(/^\s*max-parallelism\s*=\s*(\d+)/m.exec(text)?.[1]);
  return Number.isInteger(value) && value > 0 ? value : undefined;
}

function readVersion(text: string): string | undefined {
  return /\bv?(\d+\.\d+(?:\.\d+)?(?:[-+~][\w.+~-]+)?)/.exec(text)?.[1];
}

/** Whether this user can have a user namespace with more ids than one (subuid(5)). */
async function findRootlessObstacle({
  read,
  run,
  user,
}: BuilderProbeOptions): Promise<string | undefined> {
  if (user.uid === 0) return undefined;
  const namespaces = await read('/proc/sys/user/max_user_namespaces');
  if (namespaces?.trim() === '0') return 'user namespaces are switched off';
  for (const path of ['/etc/subuid', '/etc/subgid']) {
    const ids = (await read(path)) ?? '';
    const has = ids
      .split('\n')
      .some((line) => [user.name, String(user.uid)].includes(line.split(':')[0] ?? ''));
    if (!has) return `${user.name} has no line in ${path}`;
  }
  const helper = await run('sh', ['-c', 'command -v newuidmap']);
  return helper === undefined ? 'newuidmap is missing' : undefined;
}

async function firstText(read: ReadText, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await read(path);
    if (text !== undefined) return text;
  }
  return undefined;
}

function readObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
