// npm test: sets up what is missing, then every check there is. What follows `--` goes to vitest:
//
//   npm test -- test/cli
//
// The last line counts vitest's tests; a check that is no test, such as the linter, counts only when it fails.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { build, project, run, SetUpError, say, setUpNode, setUpSim } from './set-up.mjs';
import { setUpRos } from './set-up-ros.mjs';
import { setUpSoftwareVulkan } from './setup-software-vulkan.mjs';

const bin = (name) => join(project, 'node_modules', '.bin', name);
const python = join(project, 'sim', '.venv', 'bin', 'python');

/** The temporary folder of everything that runs here: what a killed test leaves behind goes with it. */
const scratch = mkdtempSync(join(tmpdir(), 'aid-test-'));
process.env.TMPDIR = scratch;
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

const failures = [];
function check(what, ...command) {
  say(`\n== ${what}`);
  const [program, args, options] = command;
  if (run(program, args, options).status !== 0) failures.push(what);
}

/** Goes on without a part that could not be set up, and fails in the end where it is needed. */
function setUpOrFail(what, setUp, { isNeeded = true } = {}) {
  try {
    setUp();
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    say(error.message);
    if (isNeeded) failures.push(what);
  }
}

/** Numbers of tests that passed, failed and were skipped, as vitest's JSON reporter counts them. Tells the skipped. */
function countsOf(file) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    for (const { name, assertionResults } of report.testResults) {
      const skipped = assertionResults.filter(({ status }) => status === 'skipped' || status === 'pending');
      // Titles of skipped tests, or of the group around them, say why.
      const titles = new Set(skipped.map(({ ancestorTitles, title }) => ancestorTitles[0] || title));
      if (skipped.length > 0)
        say(`skipped: ${skipped.length} of ${relative(project, name)}: ${[...titles].join('; ')}`);
    }
    const brokenFiles = report.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
    );
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + brokenFiles.length,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function vitest(args) {
  say('\n== tests');
  const file = join(scratch, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { status } = run(bin('vitest'), ['run', ...reporters, ...args]);
  const counts = countsOf(file);
  if (status !== 0 && counts.failed === 0) failures.push('tests');
  return counts;
}

function main(args) {
  setUpNode();
  build();
  setUpOrFail('simulator', setUpSim);
  // There are platforms without it; its tests are skipped there, and say why.
  setUpOrFail('ROS 2', setUpRos, { isNeeded: process.platform === 'linux' });
  setUpOrFail('software Vulkan', setUpSoftwareVulkan);

  check('linter', bin('biome'), ['check', '--diagnostic-level=warn']);
  check('types of the tests', bin('tsc'), ['-p', 'tsconfig.json']);
  if (!failures.includes('simulator')) {
    check('simulator: linter', python, ['-m', 'ruff', 'check', 'sim/src', 'sim/tests']);
    check('simulator: tests', python, ['-m', 'pytest', 'sim']);
  }
  const { passed, failed, skipped } = vitest(args);
  for (const failure of failures) say(`failed: ${failure}`);
  const allFailed = failed + failures.length;
  say(`${passed} passed, ${allFailed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return allFailed === 0 && passed > 0 ? 0 : 1;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  process.stderr.write(`${error.message}\n`);
  say('0 passed, 1 failed');
  process.exitCode = 1;
}
