/** Camera messages to frames, and frames to messages. */
import {
  AidError,
  checkImageFile,
  checkRaw,
  decodeFrame,
  encodeJpeg,
  encodePng,
  encodeWebp,
  type Frame,
  frameFromRaw,
  type RawEncoding,
  type RawPicture,
} from '../../planner/index.js';
import type { CameraInfoMessage, CompressedImageMessage, Header, ImageMessage } from './messages.js';

const ENCODINGS: readonly string[] = ['rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8'] satisfies RawEncoding[];

/** Pixels of a clip's message: `rgb8` as they are, the others as files. */
export type ClipFormat = 'rgb8' | 'png' | 'jpeg' | 'webp';

/** Errors: `invalid-image`, which names what is wrong with the message. */
export function frameFromImage(message: ImageMessage): Frame {
  return frameFromRaw(rawPicture(message));
}

/** Errors: those of `frameFromImage`, found without looking at a pixel. */
export function checkImage(message: ImageMessage): void {
  checkRaw(rawPicture(message));
}

function rawPicture({ width, height, encoding, step, data }: ImageMessage): RawPicture {
  if (!ENCODINGS.includes(encoding)) {
    const deep = /16|32|64/.test(encoding) ? ', 8 bits a channel' : '';
    throw new AidError(
      'invalid-image',
      `image: expected one of the encodings ${ENCODINGS.join(', ')}${deep}, got ${encoding === '' ? 'none' : encoding}`,
    );
  }
  // 8-bit channels have no byte order, so is_bigendian says nothing here.
  return { width, height, data, encoding: encoding as RawEncoding, step };
}

/** Errors: `invalid-image`. */
export async function frameFromCompressedImage(message: CompressedImageMessage): Promise<Frame> {
  checkCompressedImage(message);
  return decodeFrame(message.data);
}

/** Errors: `invalid-image` for what is no file of a picture; whether the file is whole is not looked at. */
export function checkCompressedImage({ format, data }: CompressedImageMessage): void {
  // 16-bit depth pictures travel as PNG too; their format says so.
  if (/compressedDepth|16UC1|32FC1/.test(format))
    throw new AidError('invalid-image', `image: expected a colour picture, got format ${format}`);
  checkImageFile(data);
}

export function imageFromFrame({ width, height, data }: Frame, header: Header): ImageMessage {
  return { header, height, width, encoding: 'rgb8', is_bigendian: 0, step: width * 3, data };
}

export const NO_HEADER: Header = { stamp: { sec: 0, nanosec: 0 }, frame_id: '' };

/** A message of an image that is not there. */
export const NO_IMAGE: ImageMessage = {
  header: NO_HEADER,
  height: 0,
  width: 0,
  encoding: '',
  is_bigendian: 0,
  step: 0,
  data: new Uint8Array(),
};

export async function compressedFromFrame(
  frame: Frame,
  format: Exclude<ClipFormat, 'rgb8'>,
  header: Header,
): Promise<CompressedImageMessage> {
  const encode = { png: encodePng, jpeg: encodeJpeg, webp: encodeWebp }[format];
  return { header, format, data: await encode(frame) };
}

export const NO_CAMERA_INFO: CameraInfoMessage = {
  header: NO_HEADER,
  height: 0,
  width: 0,
  distortion_model: '',
  d: new Float64Array(),
  k: new Float64Array(9),
  r: new Float64Array(9),
  p: new Float64Array(12),
  binning_x: 0,
  binning_y: 0,
  roi: { x_offset: 0, y_offset: 0, height: 0, width: 0, do_rectify: false },
};

/** Whether a camera_info says anything: an uncalibrated camera's focal length is 0. */
export function isCalibrated({ width, height, k }: CameraInfoMessage): boolean {
  return width > 0 && height > 0 && k[0] !== 0;
}

/** Size of the pictures that a calibrated camera sends: of its region of interest, where it has one, binned. */
export function calibratedSize({ width, height, roi, binning_x, binning_y }: CameraInfoMessage): {
  readonly width: number;
  readonly height: number;
} {
  return {
    width: Math.floor((roi.width > 0 ? roi.width : width) / Math.max(1, binning_x)),
    height: Math.floor((roi.height > 0 ? roi.height : height) / Math.max(1, binning_y)),
  };
}

/**
 * The calibration for a picture that was scaled until it covers `to` and cropped at its middle, which is what the
 * planner does. `from` is the picture's own size, which differs from the calibration's where the camera bins or
 * has a region of interest. Pixel centres lie at whole numbers, as in OpenCV and ROS.
 */
export function scaledCameraInfo(
  info: CameraInfoMessage,
  from: { readonly width: number; readonly height: number },
  to: { readonly width: number; readonly height: number },
  header: Header,
): CameraInfoMessage {
  const { x_offset: x0, y_offset: y0 } = info.roi;
  const [binX, binY] = [Math.max(1, info.binning_x), Math.max(1, info.binning_y)];
  const scale = Math.max(to.width / from.width, to.height / from.height);
  const left = (from.width * scale - to.width) / 2;
  const top = (from.height * scale - to.height) / 2;
  // u' = (u + 0.5) s - left - 0.5 of a picture that starts at the region's corner and is binned.
  const sx = scale / binX;
  const sy = scale / binY;
  const x = (c: number) => (c - x0 + 0.5) * sx - left - 0.5;
  const y = (c: number) => (c - y0 + 0.5) * sy - top - 0.5;
  const at = (matrix: ArrayLike<number>, index: number): number => matrix[index] ?? 0;
  const { k, p } = info;
  return {
    ...info,
    header,
    width: to.width,
    height: to.height,
    k: Float64Array.from([at(k, 0) * sx, at(k, 1) * sx, x(at(k, 2)), 0, at(k, 4) * sy, y(at(k, 5)), 0, 0, 1]),
    p: Float64Array.from([
      ...[at(p, 0) * sx, at(p, 1) * sx, x(at(p, 2)), at(p, 3) * sx],
      ...[0, at(p, 5) * sy, y(at(p, 6)), at(p, 7) * sy],
      ...[0, 0, 1, 0],
    ]),
    binning_x: 0,
    binning_y: 0,
    roi: NO_CAMERA_INFO.roi,
  };
}
