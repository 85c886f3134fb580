/**
 * How long a builder takes for many images upon one base, a `RUN` in each, until they are in the
 * store: `node bench/build/builders.ts --builder buildah --widths 1,2,4 --images 100`. The base is
 * built first and is not counted; each width has a store and a builder of its own.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import {
  type Builder,
  type BuilderName,
  type BuiltImage,
  openBuilder,
} from '../../packages/longshore/src/build/index.ts';
import { openStore } from '../../packages/longshore/src/store/index.ts';
import {
  type ContextFiles,
  targetIn,
  writeContext,
} from '../../packages/longshore/test/build/target.ts';
import { startDockerEngine } from '../../packages/longshore/test/interop/support/dockerEngine.ts';
import { unmountBelow } from '../../packages/longshore/test/interop/support/mounts.ts';

const { values } = parseArgs({
  options: {
    builder: { type: 'string', default: 'buildah' },
    widths: { type: 'string', default: '1,2,4' },
    images: { type: 'string', default: '100' },
    'base-mb': { type: 'string', default: '30' },
    isolation: { type: 'string', default: 'chroot' },
  },
});

const BASE = 'registry.invalid/base:1';
const isolation = values.isolation === 'oci' ? 'oci' : 'chroot';
const kind: BuilderName = values.builder === 'engine' ? 'engine' : 'buildah';
const images = Number(values.images);

/** A builder with nothing of this machine's images, and what it is made of. */
async function open(folder: string, cleanup: AsyncDisposableStack): Promise<Builder> {
  cleanup.defer(() => unmountBelow(folder));
  const dockerHost =
    kind === 'engine' ? cleanup.use(await startDockerEngine('overlay2')).socket : undefined;
  const { builder } = await openBuilder(kind, {
    environment: { ...process.env, TMPDIR: folder },
    temporaryFolder: folder,
    dockerHost,
    buildah: {
      root: join(folder, 'root'),
      runRoot: join(folder, 'run'),
      storageDriver: 'overlay',
      isolation,
    },
  });
  return cleanup.use(builder);
}

async function measure(width: number): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-builders-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const builder = await open(folder, cleanup);
  await mkdir(join(folder, 'store'));
  const store = await openStore(join(folder, 'store'));
  cleanup.defer(() => store.close());
  let base: BuiltImage | undefined;
  const build = async (name: string, files: ContextFiles): Promise<BuiltImage> => {
    const context = join(folder, name);
    await writeContext(context, files);
    return await builder.build({
      target: targetIn(context, { name }),
      store,
      bases: new Map(base === undefined ? [] : [[BASE, base]]),
      onLog: () => {},
      onStep: () => {},
      signal: new AbortController().signal,
    });
  };
  const noise = Buffer.alloc(Number(values['base-mb']) * 1e6);
  crypto.getRandomValues(noise.subarray(0, 65_536));
  for (let at = 65_536; at < noise.length; at += 65_536) noise.copyWithin(at, 0, 65_536);
  base = await build('base', {
    Dockerfile:
      'FROM scratch\nCOPY busybox /bin/\nCOPY noise /\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n',
    busybox: await readFile('/bin/busybox'),
    noise,
  });
  // What the first build upon a base does for all of them is part of the whole, so it is counted.
  const [begun, usage] = [performance.now(), process.cpuUsage()];
  const numbers = Array.from({ length: images }, (_, number) => number);
  const left = numbers.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const number of left) {
        const Dockerfile = `FROM ${BASE}\nRUN echo ${number} > /number && head -c 20000 /dev/urandom > /own\n`;
        await build(`image-${number}`, { Dockerfile });
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  const cpu = process.cpuUsage(usage);
  const own = (cpu.user + cpu.system) / 1e6;
  console.log(
    `${builder.version} width ${width}: ${seconds.toFixed(1)} s, ${((seconds / images) * 1000).toFixed(0)} ms an image, own CPU ${own.toFixed(1)} s, load ${loadavg()[0]?.toFixed(1)}`,
  );
}

for (const width of values.widths.split(',')) await measure(Number(width));
