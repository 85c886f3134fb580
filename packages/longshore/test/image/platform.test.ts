import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compatiblePlatforms,
  formatPlatform,
  parsePlatform,
  platformOf,
  selectPlatform,
} from '../../src/image/index.ts';

const entry = (text: string): { platform: ReturnType<typeof parsePlatform>; name: string } => ({
  platform: parsePlatform(text),
  name: text,
});
const pick = (wanted: string, offered: readonly string[]): string | undefined =>
  selectPlatform(offered.map(entry), parsePlatform(wanted))?.name;

describe('parsePlatform', () => {
  for (const [text, canonical] of [
    ['linux/amd64', 'linux/amd64'],
    ['Linux/AMD64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['amd64', 'linux/amd64'],
    ['aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['macos/arm64', 'darwin/arm64'],
  ] as const) {
    test(`${text} is ${canonical}`, () => {
      assert.equal(formatPlatform(parsePlatform(text)), canonical);
    });
  }
  for (const text of ['', 'linux', 'linux/', '/amd64', 'a/b/c/d', 'linux/amd 64', '../x']) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parsePlatform(text), { code: 'ERR_PLATFORM_INVALID' });
    });
  }
});

describe('selectPlatform, as containerd matches', () => {
  test('takes the exact variant before an older one, and never a newer one', () => {
    assert.equal(
      pick('linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7', 'linux/arm/v8']),
      'linux/arm/v7',
    );
    assert.equal(pick('linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6']), 'linux/arm/v6');
    assert.equal(pick('linux/arm/v6', ['linux/arm/v7']), undefined);
    assert.equal(
      pick('linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4']),
      'linux/amd64/v2',
    );
    assert.equal(pick('linux/amd64', ['linux/amd64/v2']), undefined);
  });
  test('falls back to 32 bits where the CPU runs them', () => {
    assert.equal(pick('linux/arm64', ['linux/arm/v7', 'linux/amd64']), 'linux/arm/v7');
    assert.equal(pick('linux/amd64', ['linux/386']), 'linux/386');
  });
  test('never crosses operating systems', () => {
    assert.equal(pick('linux/amd64', ['windows/amd64']), undefined);
  });
  test('reads arm64 v8 and no variant as the same', () => {
    assert.equal(pick('linux/arm64', ['linux/arm64/v8']), 'linux/arm64/v8');
    assert.equal(pick('linux/arm64/v9', ['linux/arm64']), 'linux/arm64');
  });
  test('passes over entries without a platform and of unknown platform', () => {
    assert.equal(
      selectPlatform(
        [{}, { platform: { os: 'unknown', architecture: 'unknown' } }],
        parsePlatform('amd64'),
      ),
      undefined,
    );
  });
});

test('a machine wants Linux images except on Windows', () => {
  assert.equal(formatPlatform(platformOf('linux', 'x64')), 'linux/amd64');
  assert.equal(formatPlatform(platformOf('darwin', 'arm64')), 'linux/arm64');
  assert.equal(formatPlatform(platformOf('win32', 'x64')), 'windows/amd64');
});

test('a platform is always compatible with itself, and first', () => {
  for (const text of ['linux/arm64/v9.2', 'linux/arm/v8', 'linux/riscv64', 'linux/amd64/v4']) {
    const wanted = parsePlatform(text);
    assert.deepEqual(compatiblePlatforms(wanted)[0], wanted);
  }
});
