// Where each connection is capped, as by many registries and content networks: one 200 MB layer, and the
// 12-layer image, at 20 MB/s a connection. `node bench/pull/capped.ts [--runs N] [--no-save]`.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTempFolder } from '../../packages/longshore/test/interop/support/files.ts';
import { installPackage } from '../../scripts/installPackage.ts';
import { describeMachine } from './machine.ts';
import { runPaired, summarise } from './paired.ts';
import { findRivals, longshoreCommand, longshorePull, rivalNames } from './rivals.ts';
import { startShapedRegistry } from './shapedRegistry.ts';
import { layerSizes } from './stage.ts';

const MB = 1_000_000;
const CAP = 20 * MB;
/** What issue "As wide as pays" asks for: times as fast as any rival. */
const GOALS = { 'one-layer:v1': 6, 'twelve-layers:v1': 4 } as const;

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    'no-save': { type: 'boolean', default: false },
  },
});

await using folder = await makeTempFolder('capped');
// A cold start each time: what earlier runs found out about the host is not used.
process.env['XDG_STATE_HOME'] = join(folder.path, 'pulled', 'state');
const longshore = longshoreCommand(join(installPackage(folder.path), 'bin/longshore.js'));
const pullers = [longshorePull(longshore), ...findRivals(rivalNames)];
await using registry = await startShapedRegistry(join(folder.path, 'registry'), {
  'one-layer:v1': [200 * MB],
  'twelve-layers:v1': layerSizes(536 * MB, 12),
});
await registry.shape({ rules: [{ on: { kind: 'blob' }, bytesPerSecond: CAP }] });

const machine = await describeMachine();
const versions = await Promise.all(pullers.map((puller) => puller.version()));
console.log(`${machine.cores} x ${machine.cpu}, Linux ${machine.kernel}\n${versions.join('\n')}`);
const results = [];
for (const [image, goal] of Object.entries(GOALS)) {
  const reference = `${registry.host}/${image}`;
  const common = { pullers, caFile: undefined, folder: folder.path, blocks: Number(flags.runs) };
  const blocks = await runPaired({ ...common, reference });
  results.push({ image, goal, blocks });
  console.log(`\n${image} at 20 MB/s a connection, ${blocks.length} paired blocks`);
  for (const { puller, cost, wallRatio } of summarise(blocks, 'longshore')) {
    const faster = 1 / wallRatio.median;
    const verdict = faster >= goal ? 'met' : 'MISSED';
    const beside =
      puller === 'longshore' ? '' : `  ${faster.toFixed(1)}x (goal ${goal}x: ${verdict})`;
    console.log(`${puller.padEnd(12)} ${cost.wallSeconds.toFixed(2)} s${beside}`);
  }
}
if (!flags['no-save']) {
  const target = join(import.meta.dirname, '../results/pull');
  await mkdir(target, { recursive: true });
  const name = `capped-${new Date().toISOString().slice(0, 16).replace(':', '')}.json`;
  const content = { startedAt: new Date().toISOString(), machine, versions, results };
  await writeFile(join(target, name), `${JSON.stringify(content, undefined, 1)}\n`);
}
