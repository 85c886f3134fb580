import type { Finding, StoreFacts } from '../types.ts';
import { formatBytes } from './format.ts';

const LEAST_BYTES: number = 64 * 2 ** 20;
const LITTLE_BYTES: number = 5 * 2 ** 30;
const FEW_INODES = 10_000;
/** Above this, making blobs durable is felt: one a blob, one a reference. */
const SLOW_SYNC_MS = 20;
/** Where several nodes meet, and where locks and renames have their own rules. */
const NETWORKED: ReadonlySet<string> = new Set([
  'nfs',
  'cifs',
  'smb',
  'lustre',
  'beegfs',
  'gpfs',
  'ceph',
]);

export function judgeStore(store: StoreFacts): Finding[] {
  const about = 'store';
  if (store.refusal !== undefined) {
    const text = `Nothing can be written at ${store.path}: ${store.refusal}`;
    return [{ about, level: 'blocker', text, change: 'Give another place with --store DIR' }];
  }
  return [judgePlace(store), ...judgeSpace(store), ...judgeSync(store), ...judgeLinks(store)];
}

function judgePlace({ path, exists, fileSystem }: StoreFacts): Finding {
  const about = 'store';
  const kind = fileSystem === undefined ? '' : ` on ${fileSystem}`;
  const text = `${path}${kind}${exists ? '' : ' (not made yet)'}`;
  if (fileSystem === 'tmpfs') {
    const change = 'It is gone after a restart, and takes memory: give --store on a disk';
    return { about, level: 'advice', text, change };
  }
  if (fileSystem === undefined || !NETWORKED.has(fileSystem)) return { about, level: 'good', text };
  const change = 'A store on a local disk is faster; a shared one fetches once for all nodes';
  return { about, level: 'advice', text, change };
}

function judgeSpace({ freeBytes, freeInodes }: StoreFacts): Finding[] {
  const about = 'store';
  const found: Finding[] = [];
  if (freeBytes !== undefined) {
    const text = `${formatBytes(freeBytes)} free`;
    const change = 'longshore cache prune --unused-for 30d, or give --store elsewhere';
    if (freeBytes < LEAST_BYTES)
      found.push({ about, level: 'blocker', text: `Only ${text}`, change });
    else if (freeBytes < LITTLE_BYTES)
      found.push({ about, level: 'advice', text: `Only ${text}`, change });
    else found.push({ about, level: 'good', text });
  }
  if (freeInodes !== undefined && freeInodes < FEW_INODES) {
    const text = `Only ${freeInodes} free inodes: a blob takes one, an unpacked image thousands`;
    found.push({
      about,
      level: 'advice',
      text,
      change: 'Remove small files there, or give --store elsewhere',
    });
  }
  return found;
}

function judgeSync({ syncMs }: StoreFacts): Finding[] {
  const about = 'store';
  if (syncMs === undefined) return [];
  const text = `${syncMs.toFixed(1)} ms to make a small file durable`;
  if (syncMs <= SLOW_SYNC_MS) return [{ about, level: 'good', text }];
  const change = 'Images of many small layers wait for this: a local disk is faster';
  return [{ about, level: 'advice', text, change }];
}

function judgeLinks({ hardLinks }: StoreFacts): Finding[] {
  if (hardLinks !== false) return [];
  const text = 'No hard links: OCI layouts are copied out of the store and take their space twice';
  return [
    { about: 'store', level: 'advice', text, change: 'Give --store on a file system with links' },
  ];
}
