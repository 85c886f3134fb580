import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { EXIT } from '../../src/cli/exitCodes.ts';
import { schemaNames } from '../../src/cli/schemas/names.ts';
import { cliReference } from './support/reference.ts';

const DOCS = new URL('../../../../docs/cli.md', import.meta.url);
const BEGIN =
  '<!-- From the tables of the program; UPDATE_DOCS=1 npm test -- cli/docs writes it. -->';
const END = '<!-- End of what the tables say. -->';

test('docs/cli.md has the commands and options as they are', async () => {
  const text = await readFile(DOCS, 'utf8');
  const [before, rest] = text.split(`${BEGIN}\n`);
  const [written, after] = rest?.split(`\n${END}`) ?? [];
  assert.ok(before !== undefined && written !== undefined && after !== undefined, 'marks are gone');
  const wanted = `\n${cliReference()}\n`;
  if (process.env['UPDATE_DOCS'] === '1') {
    await writeFile(DOCS, `${before}${BEGIN}\n${wanted}\n${END}${after}`);
  } else {
    assert.equal(written, wanted);
  }
});

test('docs/cli.md names every exit code and every schema', async () => {
  const text = await readFile(DOCS, 'utf8');
  for (const code of Object.values(EXIT)) assert.ok(text.includes(`| ${code} |`), String(code));
  for (const name of schemaNames) assert.ok(text.includes(`\`${name}\``), name);
});
