// Writes down the best fixed width of the scenarios that the gates of `npm test` are over.
import { writeFileSync } from 'node:fs';
import { HELD_OUT, NAMED_SEEDS } from '../../packages/longshore/test/sim/oracles.ts';
import { PULL_SCENARIOS } from '../../packages/longshore/test/sim/pullScenario.ts';
import { heldOut, type Oracle, sweepFixed } from '../../packages/longshore/test/sim/sweep.ts';

const rounded = (oracle: Oracle): Oracle => ({ ...oracle, best: Number(oracle.best.toFixed(3)) });
const named = PULL_SCENARIOS.map((scenario) => rounded(sweepFixed(scenario, NAMED_SEEDS)));
const random = heldOut(HELD_OUT.seed, HELD_OUT.count);
const drawn = random.map((scenario) => rounded(sweepFixed(scenario, HELD_OUT.runs)));
const target = new URL('../../packages/longshore/test/sim/oracle.json', import.meta.url);
writeFileSync(target, `${JSON.stringify({ named, heldOut: drawn }, null, 2)}\n`);
console.log(`${named.length} named and ${drawn.length} random scenarios swept`);
