import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Store } from '../../store/index.ts';
import { DEMO_IMAGES, DemoPort } from '../demo/port.ts';
import { type Act, play, type Stage } from '../demo/story.ts';
import { EXIT } from '../exitCodes.ts';
import { withInterrupts } from '../interrupts.ts';
import { formatBytes, formatDuration } from '../render/format.ts';
import type { CommandContext } from './context.ts';

/** `longshore demo`: the main job for real, against a registry that this process serves itself. */
export async function runDemo(context: CommandContext): Promise<number> {
  const { openStore } = await import('../../store/index.ts');
  const folder = await mkdtemp(path.join(tmpdir(), 'longshore-demo-'));
  const source = await openStore(path.join(folder, 'registry'));
  try {
    return await withInterrupts(context.host, (signal) =>
      tell(context, { folder, source, signal }),
    );
  } finally {
    await source.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function tell(
  context: CommandContext,
  { folder, source, signal }: { folder: string; source: Store; signal: AbortSignal },
): Promise<number> {
  const { print, complain } = context;
  complain(`Making ${DEMO_IMAGES.length} images and a registry for them on this machine ...\n`);
  await using port = await DemoPort.open(source);
  complain(
    `${port.host} answers after 15 ms and gives each connection 12 MB/s, as a far registry would.\n`,
  );
  const stage: Stage = { context, port, folder, signal };
  const acts = await play(stage);
  print(renderActs(acts));
  const held = acts.every(({ kept }) => kept);
  print(
    held
      ? 'Every image accounted for, every byte verified.\n'
      : 'Something did not hold; see above.\n',
  );
  return held ? EXIT.ok : EXIT.failed;
}

function renderActs(acts: readonly Act[]): string {
  const rows = acts.map(({ title, milliseconds, fetchedBytes, remark }) => [
    title,
    formatDuration(milliseconds),
    formatBytes(fetchedBytes),
    remark,
  ]);
  const table = [['', 'time', 'fetched', ''], ...rows];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const lines = table.map(([title = '', time = '', fetched = '', remark = '']) =>
    [
      title.padEnd(widths[0] ?? 0),
      time.padStart(widths[1] ?? 0),
      fetched.padStart(widths[2] ?? 0),
      remark,
    ]
      .join('  ')
      .trimEnd(),
  );
  return `\n${lines.join('\n')}\n\n`;
}
