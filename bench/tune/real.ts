import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createRegistryServer,
  type Faults,
  seedImage,
} from '../../packages/longshore/src/serve/index.ts';
import { openStore } from '../../packages/longshore/src/store/index.ts';

// Runs `longshore tune pull` in a process of its own against a registry in this one.
// node bench/tune/real.ts shaped|alternating|loopback OUT [OPTION...]
//   shaped:      80 MB in ten layers, 8 MB/s a connection, 40 MB/s in all, 15 ms away
//   alternating: the same, and every second pull finds a registry that answers 0.6 s late
//   loopback:    500 MB in twelve layers, as fast as this machine goes

const MB = 1_000_000;
const SHAPED: Faults = {
  latencyMs: 15,
  rules: [{ on: { kind: 'blob' }, bytesPerSecond: 8 * MB, totalBytesPerSecond: 40 * MB }],
};
const CASES: Readonly<
  Record<string, { readonly layers: readonly number[]; readonly faults: Faults }>
> = {
  shaped: { layers: [30, 15, 10, 8, 6, 4, 3, 2, 1, 1], faults: SHAPED },
  alternating: {
    layers: [30, 15, 10, 8, 6, 4, 3, 2, 1, 1],
    faults: {
      ...SHAPED,
      // A pull asks for manifests twice.
      rules: [...(SHAPED.rules ?? []), { on: { kind: 'manifest', every: 4 }, latencyMs: 600 }],
    },
  },
  loopback: { layers: [120, 90, 70, 60, 40, 35, 25, 20, 15, 12, 8, 5], faults: {} },
};

const [name = 'shaped', out = 'tune-out', ...options] = process.argv.slice(2);
const chosen = CASES[name];
if (chosen === undefined) throw new Error(`one of ${Object.keys(CASES).join(', ')}`);
const folder = await mkdtemp(path.join(tmpdir(), 'longshore-bench-tune-'));
const store = await openStore(path.join(folder, 'source'));
try {
  const layers = chosen.layers.map((size, seed) => ({ size: size * MB, seed }));
  await seedImage(store, { name: 'localhost/app:1', layers });
  await using server = await createRegistryServer({ store, faults: chosen.faults });
  const cli = path.join(import.meta.dirname, '../../packages/longshore/src/cli/main.ts');
  const argv = ['tune', 'pull', `${server.host}/app:1`, '--platform', 'linux/amd64', '--out', out];
  const child = spawn(
    process.execPath,
    ['--conditions=longshore-source', cli, ...argv, ...options],
    { stdio: 'inherit' },
  );
  process.exitCode = await new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? 1));
  });
} finally {
  await store.close();
  await rm(folder, { recursive: true, force: true });
}
