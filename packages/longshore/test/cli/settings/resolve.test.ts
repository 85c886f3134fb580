import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  environmentName,
  OPTION_NAMES,
  type OptionName,
  optionSpec,
} from '../../../src/cli/settings/options.ts';
import { findPlaces } from '../../../src/cli/settings/places.ts';
import {
  misspeltVariables,
  type RawValue,
  readEnvironment,
  resolveSettings,
} from '../../../src/cli/settings/resolve.ts';

const none = new Map<OptionName, RawValue>();

test('a flag beats the environment, which beats the file', () => {
  const given = (where: string, value: string) => new Map([['workers' as const, { where, value }]]);
  fc.assert(
    fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (flag, environment, file) => {
      const { settings, sources } = resolveSettings({
        flags: flag ? given('--workers', '1') : none,
        environment: environment ? given('LONGSHORE_WORKERS', '2') : none,
        file: file ? given('longshore.yaml:1', '3') : none,
      });
      const expected = flag ? 1 : environment ? 2 : file ? 3 : undefined;
      assert.equal(settings.workers, expected);
      const source = flag ? 'flag' : environment ? 'environment' : file ? 'file' : undefined;
      assert.equal(sources.get('workers'), source);
    }),
  );
});

test('a broken value that is beaten does no harm, one that counts names its place', () => {
  const environment = readEnvironment({ LONGSHORE_WORKERS: 'many' });
  const flags = new Map([['workers' as const, { where: '--workers', value: '4' }]]);
  assert.equal(resolveSettings({ flags, environment, file: none }).settings.workers, 4);
  assert.throws(
    () => resolveSettings({ flags: none, environment, file: none }),
    /^LongshoreError: LONGSHORE_WORKERS: "many" is not a whole number from 1 to 256, nor auto$/,
  );
  const others = resolveSettings({ flags: none, environment, file: none }, ['store']);
  assert.equal(others.settings.workers, undefined);
});

test('every option can be set in the environment', () => {
  const samples: Record<string, string> = {
    text: 'linux/amd64',
    path: '/somewhere',
    list: 'a.example,b.example',
    switch: '1',
    count: '3',
    width: 'auto',
    size: '1GiB',
    duration: '30d',
  };
  for (const name of OPTION_NAMES) {
    const { kind, choices } = optionSpec(name);
    const env = { [environmentName(name)]: choices?.[0] ?? samples[kind] };
    const { settings, sources } = resolveSettings({
      flags: none,
      environment: readEnvironment(env),
      file: none,
    });
    assert.notEqual(settings[name], undefined, name);
    assert.equal(sources.get(name), 'environment');
  }
});

test('an empty variable counts as not set; lists are separated by commas', () => {
  const environment = readEnvironment({ LONGSHORE_STORE: '', LONGSHORE_INSECURE: 'a:5000, b,' });
  const { settings } = resolveSettings({ flags: none, environment, file: none });
  assert.equal(settings.store, undefined);
  assert.deepEqual(settings.insecure, ['a:5000', 'b']);
});

test('a wrong choice gets a suggestion', () => {
  const flags = new Map([['progress' as const, { where: '--progress', value: 'plian' }]]);
  assert.throws(
    () => resolveSettings({ flags, environment: none, file: none }),
    /--progress: "plian" is not one of auto, tty, plain, json or quiet; did you mean plain\?/,
  );
});

test('a variable with a slip of the pen is noticed, others are left alone', () => {
  assert.deepEqual(misspeltVariables({ LONGSHORE_STROE: 'x', LONGSHORE_HOOK: 'y', PATH: 'z' }), [
    { name: 'LONGSHORE_STROE', meant: 'LONGSHORE_STORE' },
  ]);
});

test('places follow XDG, and relative paths in its variables are ignored', () => {
  const plain = findPlaces({ HOME: '/home/me' }, '/work', '/root');
  assert.equal(plain.store, '/home/me/.local/share/longshore');
  assert.deepEqual(plain.settingsFiles, [
    '/work/longshore.yaml',
    '/home/me/.config/longshore/longshore.yaml',
  ]);
  const moved = findPlaces(
    { XDG_DATA_HOME: '/data', XDG_CONFIG_HOME: 'relative' },
    '/work',
    '/root',
  );
  assert.equal(moved.store, '/data/longshore');
  assert.equal(moved.settingsFiles[1], '/root/.config/longshore/longshore.yaml');
});
