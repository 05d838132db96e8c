import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  type MessageName,
  rawContents,
  tensorOf,
} from '#planner/runtime/open-inference-protocol/messages.js';
import { floatTensor, int64Tensor } from '#planner/runtime/tensor.js';

/** As NVIDIA's client writes them: scripts/triton/golden_messages.py. */
const golden = (name: MessageName): Buffer =>
  readFileSync(join('test', 'fixtures', 'open-inference-protocol', `${name}.bin`));

const model = 'denoiser-3f2a90c41b7d';
const sample = floatTensor([2, 3], Float32Array.of(0, -1.5, 3.25, 1e-30, Number.POSITIVE_INFINITY, -0));
const ids = int64Tensor([1, 3], BigInt64Array.of(1n, -2n, 2n ** 40n));

it('asks in the bytes of another client', () => {
  const request = encodeMessage('ModelInferRequest', {
    model_name: model,
    model_version: '1',
    inputs: [
      { name: 'sample', datatype: 'FP32', shape: [2, 3] },
      { name: 'text_ids', datatype: 'INT64', shape: [1, 3] },
    ],
    outputs: [{ name: 'output' }],
    raw_input_contents: [rawContents(sample), rawContents(ids)],
  });
  expect(request.equals(golden('ModelInferRequest'))).toBe(true);
  const question = encodeMessage('ModelMetadataRequest', { name: model, version: '1' });
  expect(question.equals(golden('ModelMetadataRequest'))).toBe(true);
});

it('reads the answers of another server', () => {
  const {
    outputs,
    raw_output_contents: raw,
    ...rest
  } = decodeMessage('ModelInferResponse', golden('ModelInferResponse'));
  expect(rest).toMatchObject({ model_name: model, model_version: '1' });
  expect(outputs.map((output, i) => tensorOf(output, raw[i]))).toEqual([sample, ids]);
  expect(decodeMessage('ModelMetadataResponse', golden('ModelMetadataResponse'))).toMatchObject({
    name: model,
    versions: ['1'],
    inputs: [{ name: 'sample', datatype: 'FP32', shape: [-1, 3] }],
    outputs: [{ name: 'output', datatype: 'FP32', shape: [-1, 3] }],
  });
});
