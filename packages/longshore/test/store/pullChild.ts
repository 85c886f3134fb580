import { appendFileSync } from 'node:fs';
import { openStore } from '../../src/store/index.ts';
import { bytesOf, describeBytes } from './support.ts';

/**
 * A process that fills blobs of a store: `node pullChild.ts STORE LOG CHUNK SIZE SEED...`. It notes each
 * byte range that it had to fetch in LOG, before it writes it, and prints a line as soon as it runs.
 */
const [path = '', log = '', chunkText = '', sizeText = '', ...seeds] = process.argv.slice(2);
const chunk = Number(chunkText);
const store = await openStore(path);
process.stdout.write('ready\n');
await Promise.all(seeds.map(pull));
await store.close();

async function pull(seed: string): Promise<void> {
  const bytes = bytesOf(Number(sizeText), seed);
  const ingest = await store.ingest(describeBytes(bytes));
  if (ingest === undefined) return;
  for (const { start, end } of ingest.missing()) {
    for (let at = start; at < end; at += chunk) {
      const part = bytes.subarray(at, Math.min(at + chunk, end));
      appendFileSync(log, `${seed} ${at} ${at + part.length}\n`);
      await ingest.write(at, part);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await ingest.commit();
}
