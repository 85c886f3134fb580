import { LongshoreError } from '../../errors.ts';
import type { ChartSpec } from './specParts.ts';

/** Draws Vega-Lite specifications without a browser. */
export interface Painter {
  /** @throws LongshoreError `ERR_TUNE_PICTURES` */
  svg(spec: ChartSpec): Promise<string>;
  /** At twice the size of the drawing, for sharp screens and print. */
  png(svg: string, background: string): Uint8Array;
}

const PIXELS_PER_UNIT = 2;

/**
 * Loads what draws: Vega, Vega-Lite and resvg, optional dependencies that take about a second to
 * load and are of use here only.
 * @throws LongshoreError `ERR_TUNE_PICTURES` where they are not installed
 */
export async function openPainter(): Promise<Painter> {
  const [vega, vegaLite, { Resvg }] = await Promise.all([
    import('vega'),
    import('vega-lite'),
    import('@resvg/resvg-js'),
  ]).catch((cause: unknown) => {
    throw new LongshoreError(
      'Cannot draw pictures: vega, vega-lite or @resvg/resvg-js is missing',
      {
        code: 'ERR_TUNE_PICTURES',
        hint: 'Install them: npm install vega vega-lite @resvg/resvg-js; or go on with --no-pictures',
        cause,
      },
    );
  });
  return {
    async svg(spec) {
      // Foreign data: whatever the specification holds, checked by Vega-Lite itself.
      const { spec: compiled } = vegaLite.compile(
        spec as unknown as Parameters<typeof vegaLite.compile>[0],
      );
      const loader = vega.loader();
      // All data are in the specification; a picture must not read files or the network.
      loader.load = () => Promise.reject(new Error('pictures load nothing'));
      const view = new vega.View(vega.parse(compiled), { renderer: 'none', loader });
      try {
        return await view.toSVG();
      } finally {
        view.finalize();
      }
    },
    png(svg, background) {
      const fitTo = { mode: 'zoom', value: PIXELS_PER_UNIT } as const;
      const font = { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' };
      return new Resvg(svg, { fitTo, background, font }).render().asPng();
    },
  };
}
