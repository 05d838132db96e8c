/** A camera's calibration as ROS's camera_calibration writes it into a YAML file. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { AidError } from '../../planner/index.js';
import { NO_CAMERA_INFO } from './images.js';
import type { CameraInfoMessage, Header } from './messages.js';

const matrix = (length: number) => z.object({ data: z.array(z.number()).length(length) });

const calibration = z.object({
  image_width: z.number().int().positive(),
  image_height: z.number().int().positive(),
  distortion_model: z.string(),
  distortion_coefficients: z.object({ data: z.array(z.number()) }),
  camera_matrix: matrix(9),
  rectification_matrix: matrix(9),
  projection_matrix: matrix(12),
});

/** Errors: `invalid-data` for a file that is missing or is no calibration. */
export async function readCameraInfo(path: string, header: Header): Promise<CameraInfoMessage> {
  let document: unknown;
  try {
    document = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const [reason = ''] = (cause as Error).message.split(/:?\n/, 1);
    throw new AidError('invalid-data', `${path}: could not be read: ${reason}`, { cause });
  }
  const { success, data, error } = calibration.safeParse(document);
  if (!success) {
    const [issue] = error.issues;
    throw new AidError(
      'invalid-data',
      `${path}: expected a calibration of camera_calibration: ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  return {
    ...NO_CAMERA_INFO,
    header,
    width: data.image_width,
    height: data.image_height,
    distortion_model: data.distortion_model,
    d: Float64Array.from(data.distortion_coefficients.data),
    k: Float64Array.from(data.camera_matrix.data),
    r: Float64Array.from(data.rectification_matrix.data),
    p: Float64Array.from(data.projection_matrix.data),
  };
}
