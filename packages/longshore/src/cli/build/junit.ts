import type { RunResult, TargetReport } from '../../run/index.ts';

/** A run as JUnit XML, which CI systems show as tests: each image a case. */
export function junitXml({ targets, counts, milliseconds, run }: RunResult): string {
  const failures = counts['failed-build'] + counts['failed-push'];
  const skipped = counts.skipped + counts.cancelled;
  const head = attributes({
    name: `longshore build ${run}`,
    tests: targets.length,
    failures,
    errors: 0,
    skipped,
    time: seconds(milliseconds),
  });
  const cases = targets.map(testCase).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite ${head}>\n${cases}</testsuite>\n</testsuites>\n`;
}

function testCase(report: TargetReport): string {
  const { target, state, buildMs = 0 } = report;
  const head = attributes({ classname: 'images', name: target, time: seconds(buildMs) });
  const inner = outcome(report);
  return inner === ''
    ? `<testcase ${head}/>\n`
    : `<testcase ${head}>${inner}<system-out>${escape(state)}</system-out></testcase>\n`;
}

function outcome({ state, error, because, log }: TargetReport): string {
  switch (state) {
    case 'failed-build':
    case 'failed-push': {
      const head = attributes({ type: error?.code ?? state, message: error?.message ?? state });
      return `<failure ${head}>${escape(`${error?.message ?? state}\nlog: ${log}`)}</failure>`;
    }
    case 'skipped':
      return `<skipped ${attributes({ message: `built from ${because ?? '?'}, which has failed` })}/>`;
    case 'cancelled':
      return `<skipped ${attributes({ message: 'cancelled' })}/>`;
    case 'waiting':
    case 'building':
    case 'queued':
    case 'pushing':
    case 'built':
    case 'pushed':
    case 'unchanged':
      return '';
  }
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escape(String(value))}"`)
    .join(' ');
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

/** Characters that XML 1.0 cannot hold at all are left out. */
function escape(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
