import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { parseSettings, readSettingsFile } from '../../../src/cli/settings/file.ts';
import { OPTION_NAMES, optionSpec } from '../../../src/cli/settings/options.ts';
import { findPlaces } from '../../../src/cli/settings/places.ts';

const source = { name: 'longshore.yaml', file: '/etc/site/longshore.yaml', home: '/home/me' };

test('keys are options; paths count from the file or from the home directory', async () => {
  const text = [
    '# site settings',
    'workers: 4',
    'store: ~/images',
    'ca: certs/ca.pem',
    'serial: false',
    'insecure: [one:5000, two]',
    'to: oci:out',
  ].join('\n');
  const values = await parseSettings(text, source);
  assert.deepEqual(values.get('workers'), { value: '4', where: 'longshore.yaml:2: workers' });
  assert.equal(values.get('store')?.value, '/home/me/images');
  assert.equal(values.get('ca')?.value, '/etc/site/certs/ca.pem');
  assert.equal(values.get('serial')?.value, false);
  assert.deepEqual(values.get('insecure')?.value, ['one:5000', 'two']);
  assert.deepEqual(values.get('to')?.value, ['oci:out']);
});

test('every option but the few of one invocation can be set in the file', async () => {
  for (const name of OPTION_NAMES) {
    const { kind, notInFile } = optionSpec(name);
    const line = `${name}: ${kind === 'switch' ? 'true' : '"text"'}`;
    if (notInFile === true) await assert.rejects(parseSettings(line, source), /as a flag only/);
    else assert.equal((await parseSettings(line, source)).has(name), true, name);
  }
});

test('what is wrong is told with file and line', async () => {
  const cases: [string, RegExp][] = [
    [
      '\nworker: 4',
      /^longshore\.yaml:2: worker: there is no such setting; did you mean workers\?$/,
    ],
    ['nonsense: 1', /^longshore\.yaml:1: nonsense: there is no such setting$/],
    ['workers: [1, 2]', /^longshore\.yaml:1: workers: its value is not a text or a number$/],
    ['workers: true', /it needs a value, not true/],
    ['workers: {a: 1}', /its value is not a text or a number/],
    ['a: b: c', /^longshore\.yaml:1: not valid YAML: /],
    ['workers: 1\nworkers: 2', /not valid YAML/],
    ['- workers', /^longshore\.yaml: it must hold keys and values$/],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(parseSettings(text, source), { code: 'ERR_CONFIG', message });
  }
  assert.equal((await parseSettings('', source)).size, 0);
});

test('the first file that is there counts; one that is named must be there', async (t) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'longshore-cli-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const config = path.join(directory, 'config');
  await mkdir(path.join(config, 'longshore'), { recursive: true });
  const places = findPlaces({ XDG_CONFIG_HOME: config }, directory, '/root');
  assert.equal((await readSettingsFile(undefined, places)).path, undefined);

  await writeFile(path.join(config, 'longshore', 'longshore.yaml'), 'workers: 2');
  const user = await readSettingsFile(undefined, places);
  assert.equal(user.values.get('workers')?.value, '2');

  await writeFile(path.join(directory, 'longshore.yaml'), 'workers: 3');
  const local = await readSettingsFile(undefined, places);
  assert.equal(local.values.get('workers')?.value, '3');

  await assert.rejects(readSettingsFile('missing.yaml', places), {
    code: 'ERR_CONFIG',
    message: /Cannot read the settings file .*missing\.yaml: ENOENT/,
  });
});
