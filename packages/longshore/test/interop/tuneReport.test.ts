// The report in a browser that has no network at all: a network namespace with nothing in it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Resvg } from '@resvg/resvg-js';
import { DARK, LIGHT, type Theme } from '../../src/tune/report/theme.ts';
import { makeTempFolder } from './support/files.ts';
import { longshoreAt } from './support/longshore.ts';
import { mustRun, skipWithout } from './support/programs.ts';

const WIDTH = 900;
const HEIGHT = 2600;
/** What Blink calls them. */
const SCHEMES = { dark: 0, light: 1 } as const;

test('the report opens in Chromium without a network, with its pictures, light and dark', {
  timeout: 240_000,
  skip: skipWithout('chromium', 'unshare'),
}, async () => {
  await using folder = await makeTempFolder('tune-report');
  const out = join(folder.path, 'out');
  await longshoreAt(folder.path).must('tune', 'replay', '--out', out);
  for (const theme of [LIGHT, DARK]) {
    const picture = join(folder.path, `${theme.name}.png`);
    await screenshot(join(out, 'report.html'), picture, { theme, home: folder.path });
    const counts = countColours(await readFile(picture));
    const total = WIDTH * HEIGHT;
    assert.ok((counts.get(theme.background) ?? 0) > total / 2, `${theme.name}: background`);
    assert.ok((counts.get(theme.text) ?? 0) > 500, `${theme.name}: text`);
    // The band of what is within 5 % of the best is in a picture and nowhere else.
    assert.ok((counts.get(theme.band) ?? 0) > 2000, `${theme.name}: the first picture`);
    for (const colour of [theme.odd, theme.even]) {
      assert.ok((counts.get(colour) ?? 0) > 50, `${theme.name}: ${colour} of the second picture`);
    }
  }
});

async function screenshot(
  page: string,
  picture: string,
  { theme, home }: { readonly theme: Theme; readonly home: string },
): Promise<void> {
  const argv = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'];
  const place = `--user-data-dir=${join(home, `chromium-${theme.name}`)}`;
  const size = `--window-size=${WIDTH},${HEIGHT}`;
  const scheme = `--blink-settings=preferredColorScheme=${SCHEMES[theme.name]}`;
  const what = [place, size, scheme, `--screenshot=${picture}`, `file://${page}`];
  await mustRun('unshare', ['--net', 'chromium', ...argv, ...what]);
}

/** How many pixels have each colour, as `#rrggbb`. */
function countColours(png: Buffer): ReadonlyMap<string, number> {
  const href = `data:image/png;base64,${png.toString('base64')}`;
  const size = `width="${WIDTH}" height="${HEIGHT}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size}><image href="${href}" ${size}/></svg>`;
  const pixels = Buffer.from(new Resvg(svg).render().pixels);
  const counts = new Map<string, number>();
  for (let i = 0; i < pixels.length; i += 4) {
    const colour = `#${pixels.toString('hex', i, i + 3)}`;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  return counts;
}
