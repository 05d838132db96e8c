/** The process that may crash: `probe-process.js PROVIDER THREADS` prints a `ProbeReply` as JSON. */
import { failureOf } from '../choose-engine.js';
import type { ExecutionProvider } from '../engine.js';
import { OnnxRuntimeEngine } from '../onnxruntime/onnxruntime-engine.js';
import { measureSpeed } from '../speed.js';
import { type ProbeReply, replyLine } from './probe-reply.js';

const [provider, threads] = process.argv.slice(2);
const engine = new OnnxRuntimeEngine({ provider: provider as ExecutionProvider, threads: Number(threads) });
const reason = await failureOf(engine);
const reply: ProbeReply =
  reason === undefined ? { works: true, speed: await measureSpeed(engine) } : { works: false, reason };
process.stdout.write(replyLine(reply), () => process.exit());
