import path from 'node:path';
import type { BuildTarget, NamedContext } from '../target.ts';
import type { Report, TreeNode } from './tree.ts';

/** What a context may be besides a folder: what BuildKit fetches itself. */
const REMOTE = /^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/|[\w.-]+@[\w.-]+:)/;

export function isRemoteContext(text: string): boolean {
  return REMOTE.test(text);
}

/** `cwd://` is where the command runs, whatever else paths count from. */
function resolveFolder(text: string, base: string, cwd: string): string {
  return text.startsWith('cwd://')
    ? path.resolve(cwd, text.slice('cwd://'.length))
    : path.resolve(base, text);
}

export interface PathBase {
  /** What relative paths count from. */
  readonly base: string;
  readonly cwd: string;
  readonly report: Report;
}

export function readContext(
  text: string,
  node: TreeNode | { readonly place: TreeNode['place'] },
  options: PathBase,
): BuildTarget['context'] {
  if (isRemoteContext(text)) return { kind: 'url', url: text };
  if (text === '-') options.report(node.place, 'a context cannot come from standard input');
  const scheme = /^([a-z][a-z-]*):/.exec(text)?.[1];
  if (scheme !== undefined && scheme !== 'cwd' && !path.isAbsolute(text)) {
    options.report(node.place, `a context is a folder or an address to fetch, not ${scheme}:`);
  }
  return { kind: 'folder', path: resolveFolder(text, options.base, options.cwd) };
}

export function readNamedContext(text: string, options: PathBase): NamedContext {
  if (text.startsWith('target:')) return { kind: 'target', target: text.slice('target:'.length) };
  if (text.startsWith('docker-image:')) {
    return { kind: 'image', reference: text.replace(/^docker-image:(?:\/\/)?/, '') };
  }
  const layout = /^oci-layout:(?:\/\/)?(.+)$/.exec(text)?.[1];
  if (layout !== undefined) {
    return { kind: 'url', url: `oci-layout://${resolveFolder(layout, options.base, options.cwd)}` };
  }
  if (isRemoteContext(text)) return { kind: 'url', url: text };
  return { kind: 'folder', path: resolveFolder(text, options.base, options.cwd) };
}
