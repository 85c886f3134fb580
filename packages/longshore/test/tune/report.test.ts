import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDigest } from '../../src/image/index.ts';
import { analyse } from '../../src/tune/analyse.ts';
import { AUTHOR_SWEEP } from '../../src/tune/authorSweep.ts';
import { parseSweep } from '../../src/tune/csv.ts';
import { openPainter } from '../../src/tune/report/draw.ts';
import { htmlReport } from '../../src/tune/report/html.ts';
import { makeReport } from '../../src/tune/report/makeReport.ts';
import { makePictures } from '../../src/tune/report/specs.ts';
import { DARK, LIGHT } from '../../src/tune/report/theme.ts';
import type { TuneResults } from '../../src/tune/types.ts';
import { PLAIN, simulate } from '../sim/tuneWorld.ts';

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);

/** A simulated experiment that has all that pictures are made from. */
async function traced(): Promise<TuneResults> {
  const widths = [1, 2, 3, 4, 5, 6];
  const stopping = { minBlocks: 4, maxBlocks: 4 };
  const results = await simulate(PLAIN, { widths, seed: 2, stopping });
  const blobs = [0, 1, 2].map((i) => ({
    digest: `sha256:${i}`,
    bytes: 1e6 * (i + 1),
    start: i / 2,
    end: i + 1,
  }));
  const samples = [1, 2, 3, 4].map((at) => ({ at, width: 4 * at, bytesPerSecond: 1e7 * at }));
  const auto = { id: 'auto', workers: 'auto', serial: false } as const;
  const runs = results.runs.map((run) => (run.arm === '6 again' ? run : { ...run, blobs }));
  const last = { order: 99, block: 1, arm: 'auto', seconds: 30, state: 'ok', samples } as const;
  return { ...results, arms: [...results.arms, auto], runs: [...runs, last] };
}

test('a report has all pictures as SVG and PNG, light and dark, their specifications and the runs', async () => {
  const files = await makeReport(await traced());
  for (const name of ['time', 'residuals', 'goodput', 'gantt', 'auto']) {
    for (const theme of ['', '-dark']) {
      const svg = String(files.get(`pictures/${name}${theme}.svg`));
      assert.match(svg, /^<svg /);
      assert.doesNotMatch(svg, /NaN|undefined|href="http/);
      const png = Buffer.from(files.get(`pictures/${name}${theme}.png`) ?? '');
      assert.deepEqual(png.subarray(0, 4), PNG);
      const spec = JSON.parse(String(files.get(`specs/${name}${theme}.vl.json`)));
      assert.match(spec.$schema, /vega-lite\/v6/);
    }
  }
  assert.match(String(files.get('runs.csv')), /^order,block,workers,seconds/);
  const html = String(files.get('report.html'));
  assert.equal(html.match(/<img /g)?.length, 5);
  // Nothing is asked for from anywhere: every address is in the file itself.
  for (const [, address = ''] of html.matchAll(/(?:src|srcset|href)="([^"]*)"/g)) {
    assert.match(address, /^data:image\/svg\+xml;base64,/);
  }
  assert.doesNotMatch(html, /<script/);
});

test('a picture shows every run and the answer, in words too', async () => {
  const results = parseSweep(AUTHOR_SWEEP, 'author');
  const analysis = analyse(results);
  const [picture] = makePictures(results, analysis, LIGHT);
  assert.equal(picture?.name, 'time');
  assert.match(picture.caption, /the answer, 3 workers/);
  const svg = await (await openPainter()).svg(picture.spec);
  assert.equal(svg.match(/aria-roledescription="point"/g)?.length, 26);
});

test('text and background of both themes contrast as WCAG asks', () => {
  for (const { text, background, odd, even, accent } of [LIGHT, DARK]) {
    assert.ok(contrast(text, background) >= 7);
    for (const colour of [odd, even, accent]) assert.ok(contrast(colour, background) >= 3, colour);
  }
});

/** Contrast ratio of WCAG 2.2, 1.4.3. */
function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((i) => {
    const share = Number.parseInt(colour.slice(i, i + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test('names from outside cannot become markup in the report', async () => {
  const results = await traced();
  const reference = 'x/<script>alert(1)</script>"\'&';
  const digest = parseDigest(`sha256:${'0'.repeat(64)}`);
  const html = htmlReport(
    { ...results, images: [{ reference, digest, layers: [] }] },
    analyse(results),
    [],
  );
  assert.doesNotMatch(html, /<script>/);
});
