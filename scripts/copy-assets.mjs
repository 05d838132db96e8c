// Copies what tsc leaves behind: files that the compiled code reads at run time.
import { copyFileSync } from 'node:fs';

copyFileSync('src/planner/onnx/onnx.proto', 'dist/planner/onnx/onnx.proto');
