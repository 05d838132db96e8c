/** What the node says of its model. */
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VideoPlanner } from '../sdk/index.js';
import type { Header, ModelInfoMessage } from '../sdk/messages/messages.js';
import { durationFromMs } from '../sdk/messages/time.js';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** The model that comes with this package. */
export const DEFAULT_MODEL = resolve(packageRoot, 'models', 'aid-mini');

export function modelInfo(
  path: string,
  planner: VideoPlanner,
  loadMs: number,
  header: Header,
): ModelInfoMessage {
  const { numFrames, width, height, framesPerSecond } = planner.video;
  const { version } = JSON.parse(readFileSync(resolve(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    header,
    model_id: basename(path),
    model_path: path,
    model_sha256: planner.sha256,
    planner_version: version,
    execution_provider: planner.engine.provider,
    threads: planner.engine.threads,
    width,
    height,
    max_frames: numFrames,
    frames_per_second: framesPerSecond,
    load_time: durationFromMs(loadMs),
  };
}
