import type { Theme } from './theme.ts';

/** A Vega-Lite specification. Plain JSON: it is shipped with the report for others to restyle. */
export type ChartSpec = Readonly<Record<string, unknown>>;

export const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';
export const WIDTH = 680;

/** Fonts, axes and legends for a theme. */
export function configOf({ text, faint }: Theme): ChartSpec {
  const font = 'DejaVu Sans, Helvetica, Arial, sans-serif';
  return {
    font,
    title: { color: text, anchor: 'start', fontSize: 15, fontWeight: 600, offset: 12 },
    axis: {
      labelColor: text,
      titleColor: text,
      domainColor: faint,
      tickColor: faint,
      gridColor: faint,
      gridOpacity: 0.5,
      labelFontSize: 11,
      titleFontSize: 12,
      titleFontWeight: 'normal',
    },
    legend: { labelColor: text, titleColor: text, titleFontWeight: 'normal' },
    view: { stroke: null },
    text: { color: text },
  };
}

/** An axis of arms in their own order: counts, and beside them `serial` and `auto`. */
export function armAxis(ids: readonly string[], title: string): ChartSpec {
  return {
    field: 'arm',
    type: 'ordinal',
    sort: ids,
    scale: { domain: ids },
    axis: { title, labelAngle: 0, grid: false },
  };
}
