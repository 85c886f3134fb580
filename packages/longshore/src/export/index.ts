/** Images out of the store: SIF, squashfs, archives, layouts and plain directories. */
export type { ExportEvent, ExportListener, ExportNote } from './events.ts';
export {
  type ExportOptions,
  type ExportRequest,
  type ExportResult,
  exportImage,
} from './exportImage.ts';
export { type ExportImage, type LoadImageOptions, loadImage, storeLayers } from './image.ts';
export { type ImageConfig, parseImageConfig } from './imageConfig.ts';
export type { LayerLimits } from './layer/limits.ts';
export type { LayerSource } from './layer/source.ts';
export {
  type ImageFileName,
  imageFileName,
  NAMING_SCHEMES,
  type NamingScheme,
  parseNamingScheme,
} from './names.ts';
export {
  isDirectoryOutput,
  OUTPUT_KINDS,
  type Output,
  type OutputKind,
  parseOutput,
} from './output.ts';
export type { SquashfsCompression, SquashfsOptions } from './squashfs/arguments.ts';
export { type Converter, type FindConverterOptions, findConverter } from './squashfs/converter.ts';
