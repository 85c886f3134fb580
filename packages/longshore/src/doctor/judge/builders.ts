import type { BuilderFacts, EngineFacts, Finding } from '../types.ts';

/** Layers that an engine with the classic store uploads at once (moby, distribution/xfer). */
const ENGINE_UPLOADS = 5;
/** Engines with the containerd store bound their uploads from this version on (moby#53081). */
const BOUNDED_SINCE = [29, 7] as const;

export function judgeBuilders(builders: BuilderFacts): Finding[] {
  const { engine, buildx, buildah } = builders;
  const found = [...judgeEngine(engine), ...judgeBuildx(builders), ...judgeBuildah(builders)];
  const none = engine.version === undefined && buildx === undefined && buildah === undefined;
  if (!none) return found;
  const text = 'No builder: Dockerfiles without RUN are all that can be built here';
  const change = 'Install Docker with buildx, or buildah; pulling and pushing need neither';
  return [...found, { about: 'engine', level: 'advice', text, change }];
}

function judgeEngine(engine: EngineFacts): Finding[] {
  const about = 'engine';
  if (!engine.client) return [];
  if (engine.version === undefined) {
    const text = `The Docker Engine does not answer: ${engine.silence ?? 'no reason given'}`;
    return [
      { about, level: 'advice', text, change: 'Start it, or set DOCKER_HOST to where it is' },
    ];
  }
  const { version, storageDriver = 'unknown', containerdStore } = engine;
  const store = containerdStore ? 'containerd store' : `${storageDriver} store`;
  const text = `Docker Engine ${version}, ${store}`;
  return [{ about, level: 'good', text }, judgeUploads(engine, version)];
}

/** How `docker push` behaves; what Longshore pushes itself passes the engine by. */
function judgeUploads(
  { containerdStore, maxConcurrentUploads }: EngineFacts,
  version: string,
): Finding {
  const about = 'engine';
  const change = 'longshore push uploads from its own store, past these limits';
  if (containerdStore && !isBounded(version)) {
    const text = 'docker push uploads every layer of every image at once here (moby#53081)';
    return { about, level: 'advice', text, change };
  }
  const uploads = maxConcurrentUploads ?? ENGINE_UPLOADS;
  const where = maxConcurrentUploads === undefined ? 'by default' : 'by its settings';
  const text = `docker push uploads ${uploads} layers at once ${where}, over all images together`;
  return { about, level: 'advice', text, change };
}

function isBounded(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major > BOUNDED_SINCE[0] || (major === BOUNDED_SINCE[0] && minor >= BOUNDED_SINCE[1]);
}

function judgeBuildx({ engine, buildx, maxParallelism }: BuilderFacts): Finding[] {
  const about = 'buildx';
  if (buildx === undefined) {
    if (!engine.client) return [];
    const text = 'docker has no buildx: bake files in HCL cannot be read';
    return [{ about, level: 'advice', text, change: 'Install the buildx plug-in of Docker' }];
  }
  const found: Finding[] = [{ about, level: 'good', text: `buildx ${buildx}` }];
  if (maxParallelism !== undefined && maxParallelism > 0) {
    found.push({
      about,
      level: 'advice',
      text: `BuildKit runs ${maxParallelism} steps at once, over all builds`,
      change: 'Raise max-parallelism in buildkitd.toml',
      gate: { stage: 'build', width: maxParallelism },
    });
  }
  return found;
}

function judgeBuildah({ buildah, rootlessObstacle }: BuilderFacts): Finding[] {
  const about = 'buildah';
  if (buildah === undefined) return [];
  const text = `buildah ${buildah}`;
  if (rootlessObstacle === undefined) return [{ about, level: 'good', text }];
  const change = 'Ask whoever runs the machine for subordinate ids (/etc/subuid, /etc/subgid)';
  return [
    {
      about,
      level: 'advice',
      text: `${text} cannot run without root: ${rootlessObstacle}`,
      change,
    },
  ];
}
