import type { ExpectedImage, ExportEstimate } from '../../export/index.ts';
import { readSpace, type Space } from '../../store/index.ts';
import type { PlanSummary, ResolvedImage } from '../../transfer/index.ts';
import { formatBytes, formatCount } from '../render/format.ts';
import type { OpenedSink } from './sinks.ts';

/** What will be written to one place, and what it has room for. */
export interface Forecast extends ExportEstimate {
  /** `the store`, or an output as it was asked for. */
  readonly name: string;
  readonly path: string;
  readonly space: Space | undefined;
}

/** Where a run writes. */
export interface ForecastPlaces {
  readonly store: string;
  readonly sinks: readonly OpenedSink[];
  /** `PATH`, where programs that tell of quotas are looked for. */
  readonly searchPath: string | undefined;
}

/** What a run will take of disks, known before anything moves. */
export async function readForecasts(
  { images, plan }: { readonly images: readonly ResolvedImage[]; readonly plan: PlanSummary },
  places: ForecastPlaces,
): Promise<readonly Forecast[]> {
  const { store, sinks, searchPath } = places;
  const stored = { bytes: plan.fetchBytes, temporaryBytes: 0, inodes: plan.fetchBlobs };
  const forecasts: Forecast[] = [
    { name: 'the store', path: store, ...stored, space: await readSpace(store, searchPath) },
  ];
  const expected = images.map(toExpected);
  for (const { sink, path, forecast } of sinks) {
    if (forecast === undefined) continue;
    const estimate = await forecast(expected);
    forecasts.push({
      name: sink.name,
      path,
      ...estimate,
      space: await readSpace(path, searchPath),
    });
  }
  return forecasts;
}

function toExpected({ name, descriptor, root, blobs }: ResolvedImage): ExpectedImage {
  const storedBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  return { name, descriptor, root, storedBytes };
}

/** One forecast as a line for a person. */
export function forecastLine(forecast: Forecast): string {
  const { name, bytes, temporaryBytes, inodes, space } = forecast;
  const files = inodes === undefined ? '' : ` in ${formatCount(inodes, 'file')}`;
  const peak = temporaryBytes > 0 ? ` (${formatBytes(bytes + temporaryBytes)} at its peak)` : '';
  const about = name === 'the store' ? '' : 'up to ';
  const room = space === undefined ? '' : `; ${roomOf(space)}`;
  return `${name} will take ${about}${formatBytes(bytes)}${files}${peak}${room}`;
}

function roomOf({ freeBytes, freeInodes, quota }: Space): string {
  const free = `${formatBytes(freeBytes)}${inFiles(freeInodes)} free`;
  if (quota.bytes === undefined && quota.inodes === undefined) return free;
  const left = quota.bytes === undefined ? 'all bytes' : formatBytes(quota.bytes);
  return `${free}, quota leaves ${left}${inFiles(quota.inodes)}`;
}

function inFiles(inodes: number | undefined): string {
  return inodes === undefined ? '' : ` and ${formatCount(inodes, 'file')}`;
}

/** Why a forecast cannot come true; `undefined` where it fits. */
export function shortage({
  name,
  path,
  bytes,
  temporaryBytes,
  inodes,
  space,
}: Forecast): string | undefined {
  if (space === undefined) return undefined;
  const { freeBytes, freeInodes, quota } = space;
  const room = Math.min(freeBytes, quota.bytes ?? Infinity);
  const peak = bytes + temporaryBytes;
  if (peak > room) {
    return `${name} may not fit: it needs up to ${formatBytes(peak)}, ${path} has room for ${formatBytes(room)}`;
  }
  const files = Math.min(freeInodes ?? Infinity, quota.inodes ?? Infinity);
  if ((inodes ?? 0) <= files) return undefined;
  return `${name} may not fit: it needs ${inodes} files, ${path} has room for ${files}`;
}
