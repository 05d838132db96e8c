/** `aid verify`: this network against tensors that another implementation wrote down. */
import { Command, Option } from 'commander';
import { AidError } from '../planner/errors.js';
import type { ExecutionProvider } from '../planner/runtime/engine.js';
import { OnnxRuntimeEngine } from '../planner/runtime/onnxruntime/onnxruntime-engine.js';
import { type TensorCheck, verifyCases } from '../planner/verification/verify.js';

interface VerifyFlags {
  readonly json?: true;
  readonly provider: ExecutionProvider;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'Runs cases of an independent implementation (config.json, weights.safetensors, io.safetensors) through ' +
        'the engine and prints the largest error of each tensor, relative to its largest value.',
    )
    .argument('<dir>', 'a case, or a folder of cases')
    .option('--json', 'print a list of {case, tensor, error, tolerance, pass} and nothing else')
    .addOption(
      new Option('--provider <name>', 'where to compute')
        .choices(['cpu', 'webgpu', 'cuda', 'tensorrt'] satisfies ExecutionProvider[])
        .default('cpu'),
    )
    .action(async (folder: string, { json, provider }: VerifyFlags) => {
      const checks: TensorCheck[] = [];
      const engine = new OnnxRuntimeEngine({ provider });
      try {
        for await (const check of verifyCases(folder, { engine })) {
          checks.push(check);
          if (json !== true) print(process.stdout, row(check));
          else if (check.reason !== undefined)
            print(process.stderr, `${check.case}: ${check.tensor}: ${check.reason}`);
        }
      } catch (error) {
        if (!AidError.isInstance(error)) throw error;
        print(process.stderr, `aid verify: ${error.message}`);
        if (json === true) print(process.stdout, '[]');
        process.exitCode = 1;
        return;
      } finally {
        await engine.dispose();
      }
      print(process.stdout, json === true ? JSON.stringify(checks, null, 1) : summary(checks, provider));
      if (checks.length === 0 || checks.some(({ pass }) => !pass)) process.exitCode = 1;
    });
}

/** `ok    1.2e-6 of 1.0e-4  case  tensor` */
function row({ case: name, tensor, error, tolerance, pass, reason }: TensorCheck): string {
  const verdict = pass ? 'ok  ' : 'FAIL';
  const measure = Number.isFinite(error) ? error.toExponential(1).padStart(8) : '       -';
  const allowed = tolerance > 0 ? `of ${tolerance.toExponential(0)}` : '       ';
  return `${verdict} ${measure} ${allowed}  ${name}  ${tensor}${reason === undefined ? '' : `: ${reason}`}`;
}

function summary(checks: readonly TensorCheck[], provider: ExecutionProvider): string {
  if (checks.length === 0) return 'no cases found';
  const cases = new Set(checks.map((check) => check.case)).size;
  const failed = checks.filter(({ pass }) => !pass).length;
  const verdict = failed === 0 ? 'all within tolerance' : `${failed} failed`;
  return `${checks.length} tensors of ${cases} cases on ${provider}: ${verdict}`;
}

function print(stream: NodeJS.WriteStream, line: string): void {
  stream.write(`${line}\n`);
}
