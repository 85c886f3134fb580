// How many requests a registry refuses, over real sockets: whole processes, `--workers auto`.
// `node bench/adaptive/refusals.ts [WORD...] [--runs N] [--no-save]`: the cases whose names hold one of
// the words; `--bin FILE` takes the package from where it is installed already.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTempFolder } from '../../packages/longshore/test/interop/support/files.ts';
import { installPackage } from '../../scripts/installPackage.ts';
import { describeMachine } from '../pull/machine.ts';
import { pullOnce, type RealRun } from './realPull.ts';
import { shapedStage, startStageRegistry } from './realStage.ts';
import { REFUSAL_CASES, type RefusalCase } from './refusalCases.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '2' },
    bin: { type: 'string' },
    'no-save': { type: 'boolean', default: false },
  },
});

async function pulls(refusing: RefusalCase, bin: string): Promise<RealRun[]> {
  await using folder = await makeTempFolder('refusals');
  const options = { bin, folder: folder.path, bound: refusing.bound };
  await using registry = await startStageRegistry(refusing, folder.path);
  const runs: RealRun[] = [];
  for (let run = 0; run < Number(flags.runs); run += 1) {
    const state = join(folder.path, `state-${run}`);
    if (refusing.earlier !== undefined) {
      const earlier = shapedStage(registry, { faults: refusing.earlier });
      await pullOnce(earlier, 'auto', { ...options, state });
    }
    runs.push(await pullOnce(shapedStage(registry, refusing), 'auto', { ...options, state }));
  }
  return runs;
}

function row({ name, what }: RefusalCase, runs: readonly RealRun[]): string {
  const refusals = runs.map(({ counted }) => counted.refusals).join(', ');
  const until = runs.map(({ counted }) => counted.refusalsUntilBelow ?? '-').join(', ');
  const requests = runs.map(({ counted }) => counted.requests).join(', ');
  const seconds = runs.map((run) => run.seconds?.toFixed(1) ?? 'stopped').join(', ');
  return `| ${[name, what, until, refusals, requests, seconds].join(' | ')} |`;
}

const wanted = ({ name }: RefusalCase): boolean =>
  positionals.length === 0 || positionals.some((word) => name.includes(word));

await using folder = await makeTempFolder('refusals-package');
const bin = flags.bin ?? join(installPackage(folder.path), 'bin/longshore.js');
const startedAt = new Date().toISOString();
const machine = await describeMachine();
const results: { readonly name: string; readonly runs: readonly RealRun[] }[] = [];
const rows: string[] = [];
for (const refusing of REFUSAL_CASES.filter(wanted)) {
  const runs = await pulls(refusing, bin);
  results.push({ name: refusing.name, runs });
  rows.push(row(refusing, runs));
  console.log(rows.at(-1));
}
if (!flags['no-save'] && positionals.length === 0) {
  const target = join(import.meta.dirname, '../results/adaptive');
  const all = { startedAt, machine, results };
  await writeFile(join(target, 'refusals.json'), `${JSON.stringify(all, undefined, 1)}\n`);
  await writeFile(
    join(target, 'refusals.md'),
    `# Refusals over real sockets

Written by \`node bench/adaptive/refusals.ts\` on ${machine.cores} x ${machine.cpu}, ${startedAt.slice(0, 16)}. The
embedded registry with limits, whole processes of the package as npm installs it, \`--workers auto\`; a
figure for each run. "Until below" are the refusals before no more flows moved than the registry lets in;
the others come from trying one flow more, seldom. The limit of flows asks for a rest of one second
(\`Retry-After\`), the others do not.

| refused is what goes above | pulled | until below | refusals in all | requests | seconds |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`,
  );
}
