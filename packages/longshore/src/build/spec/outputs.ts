import { readOutputEntries } from './buildOptions.ts';
import type { Report, TreeNode } from './tree.ts';

const KNOWN = new Set(['type', 'name', 'push', 'load']);

/**
 * Results go to the store, and from there where the command says. An output that asks for an image
 * is content with that, and its names are tags; one that asks for something else cannot be had.
 */
export function readOutputTags(node: TreeNode | undefined, report: Report): readonly string[] {
  return readOutputEntries(node, report).flatMap(({ fields, node: item }) => {
    const { type = 'local', name = '' } = fields;
    if (type === 'cacheonly') return [];
    if (type !== 'image' && type !== 'registry' && type !== 'docker') {
      report(item.place, `output type ${type} is not supported: results are images of the store`);
      return [];
    }
    const others = Object.keys(fields).filter((key) => !KNOWN.has(key));
    if (others.length > 0) {
      report(item.place, `${others.join(', ')} of an output is not supported, only type and name`);
    }
    return name.split(',').filter((tag) => tag !== '');
  });
}
