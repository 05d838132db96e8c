/**
 * How a denoising network is given its frames, which an adaptation has to share with its backbone. Our backbones say so
 * in `unet/config.json` under `aid`, where diffusers looks for nothing; a checkpoint of SVD says nothing.
 */
import { z } from 'zod';
import { aidConfig } from '../../models/aid-config.js';
import { configOf } from '../../weights/model-component.js';
import type { ModelFolder } from '../../weights/model-folder.js';
import { componentOf } from './networks.js';

const { fill, data_mean } = aidConfig.shape;
const frameCondition = z.object({ fill, data_mean });
/** See `aidConfig`. */
export type FrameCondition = z.infer<typeof frameCondition>;

const unetWithCondition = z.object({ aid: frameCondition.optional() });

/** What a base was trained with: its adaptation, where it has one, else its backbone. Undefined where it does not say. */
export function frameConditionOf(base: ModelFolder): FrameCondition | undefined {
  const adapted = componentOf(base, 'aid');
  if (adapted !== undefined) return configOf(frameCondition, adapted);
  const backbone = componentOf(base, 'unet');
  return backbone === undefined ? undefined : configOf(unetWithCondition, backbone).aid;
}
