/** `aid verify`: this network against tensors that another implementation wrote down. */
import { Command, Option } from 'commander';
import { EXECUTION_PROVIDERS, type ExecutionProvider } from '../planner/runtime/engine.js';
import { OnnxRuntimeEngine } from '../planner/runtime/onnxruntime/onnxruntime-engine.js';
import { type TensorCheck, verifyCases } from '../planner/verification/verify.js';
import { note, say, sayJson } from './terminal.js';

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
      new Option('--provider <name>', 'where to compute').choices(EXECUTION_PROVIDERS).default('cpu'),
    )
    .action(async (folder: string, { json, provider }: VerifyFlags) => {
      const checks: TensorCheck[] = [];
      const engine = new OnnxRuntimeEngine({ provider });
      try {
        for await (const check of verifyCases(folder, { engine })) {
          checks.push(check);
          if (json !== true) say(row(check));
          else if (check.reason !== undefined) note(`${check.case}: ${check.tensor}: ${check.reason}`);
        }
      } catch (error) {
        if (json === true) sayJson([]);
        throw error;
      } finally {
        await engine.dispose();
      }
      if (json === true) sayJson(checks.map(withFiniteError));
      else say(summary(checks, provider));
      if (checks.length === 0 || checks.some(({ pass }) => !pass)) process.exitCode = 1;
    });
}

/** JSON has no infinite numbers: the largest that there is stands for one. */
function withFiniteError(check: TensorCheck): TensorCheck {
  return { ...check, error: Math.min(check.error, Number.MAX_VALUE) };
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
  return `${counted(checks.length, 'tensor')} of ${counted(cases, 'case')} on ${provider}: ${verdict}`;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
