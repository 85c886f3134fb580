/** Images out of the store: SIF, squashfs, archives and plain directories. */
export {
  type ApptainerPlace,
  apptainerCacheKey,
  checkApptainer,
  type WarmApptainerRequest,
  warmApptainerCache,
} from './apptainerCache.ts';
export { type Content, collectContent, formatInventory } from './bundle/content.ts';
export {
  type CreateBundleRequest,
  type CreateBundleResult,
  createBundle,
} from './bundle/create.ts';
export {
  type ImportBundleRequest,
  type ImportBundleResult,
  importBundle,
} from './bundle/import.ts';
export { formatLock, type LockedImage, parseInventory } from './bundle/lock.ts';
export { addEstimates, type ExportEstimate, estimateExport } from './estimate.ts';
export type { ExportEvent, ExportListener, ExportNote } from './events.ts';
export {
  type ExportOptions,
  type ExportRequest,
  type ExportResult,
  exportImage,
} from './exportImage.ts';
export {
  createExportSink,
  type ExpectedImage,
  type ExportSink,
  type ExportSinkOptions,
} from './exportSink.ts';
export { type ExportImage, type LoadImageOptions, loadImage, storeLayers } from './image.ts';
export { type ImageConfig, parseImageConfig } from './imageConfig.ts';
export { decompress } from './layer/decompress.ts';
export type { FileTree } from './layer/fileTree.ts';
export { indexLayers } from './layer/flatten.ts';
export type { LayerLimits } from './layer/limits.ts';
export type { LayerSource } from './layer/source.ts';
export {
  type ImageFileName,
  type ImageFileNameOptions,
  imageFileName,
  NAMING_SCHEMES,
  type NamingScheme,
  parseNamingScheme,
} from './names.ts';
export {
  OUTPUT_KINDS,
  type Output,
  type OutputKind,
  parseOutput,
} from './output.ts';
export {
  compressionLevel,
  SQUASHFS_COMPRESSIONS,
  type SquashfsCompression,
  type SquashfsOptions,
} from './squashfs/arguments.ts';
export { type Converter, type FindConverterOptions, findConverter } from './squashfs/converter.ts';
export { type GetSquashfsRequest, getSquashfs } from './squashfsCache.ts';
export { TarReader } from './tar/reader.ts';
export type { TarEntry } from './tar/types.ts';
export { endOfArchive, filling, formatHeader, type TarMember } from './tar/writer.ts';
