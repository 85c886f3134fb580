// One export in a process of its own, so that its peak memory can be read at the end.
import { exportImage, loadImage, parseOutput } from '../../packages/longshore/src/export/index.ts';
import { layoutStore, onlyImage } from './layoutStore.ts';

const [layout = '', output = '', compression = 'gzip', level = ''] = process.argv.slice(2);
const store = layoutStore(layout);
const image = await loadImage(store, await onlyImage(layout), { reference: 'localhost/bench:1' });
const started = performance.now();
let indexed = 0;
const { bytes } = await exportImage({
  store,
  image,
  output: parseOutput(output),
  options: {
    compression: compression === 'zstd' ? 'zstd' : 'gzip',
    ...(level === '' ? {} : { level: Number(level) }),
    ...(process.env['CONVERTER'] === undefined ? {} : { converter: process.env['CONVERTER'] }),
  },
  onEvent: (event) => {
    if (event.type === 'export.layer-indexed') indexed = performance.now() - started;
  },
});
const usage = process.resourceUsage();
console.log(
  JSON.stringify({
    seconds: (performance.now() - started) / 1000,
    indexSeconds: indexed / 1000,
    cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    bytes,
    rssMiB: usage.maxRSS / 1024,
  }),
);
