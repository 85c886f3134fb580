import type { ExportImage } from '../image.ts';
import type { FileTree } from '../layer/fileTree.ts';
import { type MemoryFile, memoryDirectory, memoryFile, memoryLink } from '../layer/memoryLayer.ts';
import { labelsOf } from './metadata.ts';
import {
  ACTIONS,
  formatEnvironment,
  formatRunScript,
  START_SCRIPT,
  TEST_SCRIPT,
} from './scripts.ts';

const OWN_DIRECTORIES = ['', '/actions', '/env', '/libs'];
/** Where Apptainer binds things of the host; a read-only root cannot grow them later. */
const MOUNT_POINTS = ['dev', 'etc', 'home', 'proc', 'root', 'sys', 'tmp', 'var', 'var/tmp'];
const BOUND_FILES = ['etc/hosts', 'etc/resolv.conf'];
/** By these names the first Singularities found the files above. */
const LINKS: Readonly<Record<string, string>> = {
  '.exec': '.singularity.d/actions/exec',
  '.run': '.singularity.d/actions/run',
  '.shell': '.singularity.d/actions/shell',
  '.test': '.singularity.d/actions/test',
  environment: '.singularity.d/env/90-environment.sh',
  singularity: '.singularity.d/runscript',
};

/**
 * What Singularity and Apptainer expect in a container's root. Their own directory is written
 * over whatever the image has there; all else is added only where the image has nothing.
 */
export function singularityFiles(image: ExportImage, tree: FileTree): MemoryFile[] {
  const mtime = image.config.createdAt ?? 0;
  const own = '.singularity.d';
  const script = (path: string, text: string): MemoryFile =>
    memoryFile(`${own}/${path}`, text, { mode: 0o755, mtime });
  const isMissing = (path: string): boolean => tree.find(path) === undefined;
  return [
    ...OWN_DIRECTORIES.map((path) => memoryDirectory(own + path, { mode: 0o755, mtime })),
    script('runscript', formatRunScript(image.config)),
    script('startscript', START_SCRIPT),
    script('test', TEST_SCRIPT),
    script('env/10-docker2singularity.sh', formatEnvironment(image.config.env)),
    script('env/90-environment.sh', '# For what is set by hand.\n'),
    ...Object.entries(ACTIONS).map(([name, text]) => script(`actions/${name}`, text)),
    memoryFile(`${own}/labels.json`, `${JSON.stringify(labelsOf(image), null, 1)}\n`, {
      mode: 0o644,
      mtime,
    }),
    ...MOUNT_POINTS.filter(isMissing).map((path) =>
      memoryDirectory(path, { mode: path.endsWith('tmp') ? 0o1777 : 0o755, mtime }),
    ),
    ...BOUND_FILES.filter(isMissing).map((path) => memoryFile(path, '', { mode: 0o644, mtime })),
    ...Object.entries(LINKS)
      .filter(([path]) => isMissing(path))
      .map(([path, target]) => memoryLink(path, target, { mode: 0o777, mtime })),
  ];
}
