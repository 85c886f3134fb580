import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { CURVES, WITH_PARITY, WITHOUT_PARITY } from './cases.ts';
import { curveTrials, parityClaims, sweepClaims } from './trials.ts';

// Operating characteristics of `longshore tune` on simulated registries whose truth is known.
// node bench/tune/run.ts [TRIALS] [FIRST_SEED]: prints tables and writes them to bench/results/tune/.

const trials = Number(process.argv[2] ?? 200);
const first = Number(process.argv[3] ?? 1);
const lines: string[] = [];
const say = (line = ''): void => {
  lines.push(line);
  console.log(line);
};
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

say('# Operating characteristics of `longshore tune`');
say();
say(
  `${trials} trials for each row, with seeds from ${first} on, on simulated registries (packages/longshore/test/sim/tuneWorld.ts) whose true times are known; Node ${process.version}, ${os.cpus()[0]?.model}. Made by \`node bench/tune/run.ts ${trials} ${first}\`.`,
);
say();
say('## Parity: 4 to 12 workers, 8 blocks');
say();
say('| world | effect claimed | claimed by a rising sweep of one run each, 1 to 30 |');
say('| --- | --- | --- |');
for (const [name, world] of Object.entries({ ...WITHOUT_PARITY, ...WITH_PARITY })) {
  const claims = percent(await parityClaims(world, { trials, first }));
  const sweep = percent(await sweepClaims(world, { trials, first }));
  say(`| ${name} | ${claims} | ${sweep} |`);
}
say();
for (const blocks of [8, undefined]) {
  say(
    blocks === undefined
      ? '## Recommendation and intervals, stopped by precision (5 to 20 blocks)'
      : `## Recommendation and intervals, ${blocks} blocks`,
  );
  say();
  say(
    '| world | within 5 % of the true best | when called certain | called certain | blocks | covers: time over one worker | covers: time over the best | the latter by bootstrap (BCa) |',
  );
  say('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const [name, world] of Object.entries(CURVES)) {
    const out = await curveTrials(world, { trials, first, blocks });
    const shares = [out.within, out.withinWhenCertain, out.certain].map(percent);
    const covers = [out.coverageOfBase, out.coverageOfBest, out.coverageOfBootstrap].map(percent);
    say(`| ${[name, ...shares, out.blocks.toFixed(1), ...covers].join(' | ')} |`);
  }
  say();
}

const folder = path.join(import.meta.dirname, '..', 'results', 'tune');
await mkdir(folder, { recursive: true });
await writeFile(
  path.join(folder, 'operating-characteristics.md'),
  `${lines.join('\n').trimEnd()}\n`,
);
