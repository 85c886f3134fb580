import type { FileContent, SourceNode } from '../context/sourceTree.ts';
import { readContent } from './content.ts';
import { instructionError } from './errors.ts';
import type { Owner } from './layerDraft.ts';
import type { StageTree } from './stageTree.ts';

/** Far beyond any that a distribution writes. */
const MAX_ACCOUNTS_BYTES = 16 * 1024 * 1024;
const MAX_ID = 0xffff_fffe;

/**
 * Reads `USER[:GROUP]` of `--chown` or `USER`: numbers as they are, names by the stage's own
 * `/etc/passwd` and `/etc/group`. Without a group a number is its own group's, and a name has the
 * one that passwd gives it.
 */
export async function readOwner(
  text: string,
  tree: StageTree,
  signal: AbortSignal,
): Promise<Owner> {
  const [user = '', group, ...more] = text.split(':');
  if (user === '' || group === '' || more.length > 0) {
    throw instructionError(`${JSON.stringify(text)} is not USER or USER:GROUP`);
  }
  const uid = readId(user);
  const account = uid === undefined ? await findAccount(tree, 'passwd', user, signal) : undefined;
  const primary = uid ?? account?.gid ?? 0;
  return {
    uid: uid ?? account?.id ?? 0,
    gid: group === undefined ? primary : await groupId(group, tree, signal),
  };
}

async function groupId(group: string, tree: StageTree, signal: AbortSignal): Promise<number> {
  return readId(group) ?? (await findAccount(tree, 'group', group, signal)).id;
}

function readId(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id <= MAX_ID) return id;
  throw instructionError(`${text} is too large for the number of a user or group`);
}

interface Account {
  readonly id: number;
  /** Only of users. */
  readonly gid: number;
}

async function findAccount(
  tree: StageTree,
  file: 'passwd' | 'group',
  name: string,
  signal: AbortSignal,
): Promise<Account> {
  const node = tree.look(tree.resolve(`etc/${file}`));
  const lines = (await textOf(node, signal)).split('\n');
  for (const line of lines) {
    const [found, , id = '', gid = ''] = line.split(':');
    if (found === name && /^\d+$/.test(id)) return { id: Number(id), gid: Number(gid) || 0 };
  }
  throw instructionError(
    `the image knows no ${file === 'passwd' ? 'user' : 'group'} ${JSON.stringify(name)}`,
    `Give a number, or a base image that has the name in /etc/${file}`,
  );
}

async function textOf(node: SourceNode | undefined, signal: AbortSignal): Promise<string> {
  const content: FileContent | undefined = node?.content;
  if (node === undefined || content === undefined) return '';
  if (node.size > MAX_ACCOUNTS_BYTES) throw instructionError('its list of accounts is too large');
  const chunks: Buffer[] = [];
  for await (const chunk of readContent(content, node.size, { signal })) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}
