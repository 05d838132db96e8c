/** An imagined clip as aid_msgs/msg/Clip. */
import { basename } from 'node:path';
import type { ClipReport, Frame } from '../../planner/index.js';
import {
  type ClipFormat,
  calibratedSize,
  compressedFromFrame,
  imageFromFrame,
  isCalibrated,
  NO_CAMERA_INFO,
  scaledCameraInfo,
} from './images.js';
import type { CameraInfoMessage, ClipMessage, Header, Time, Uuid } from './messages.js';
import { durationFromMs } from './time.js';

export interface ClipParts {
  readonly frames: readonly Frame[];
  readonly report: ClipReport;
  /** 0 is the best of its instruction. */
  readonly rank: number;
  readonly score: number;
  /** For each frame, 0 to 1; empty where there is one candidate. */
  readonly confidence: readonly number[];
}

export interface ClipOrigin {
  /** Of the conditioning frame. */
  readonly header: Header;
  readonly planId: Uuid;
  readonly generatedAt: Time;
  /** The conditioning frame's size, and the calibration of the camera that took it. */
  readonly picture: { readonly width: number; readonly height: number };
  readonly cameraInfo: CameraInfoMessage | undefined;
  readonly format: ClipFormat;
}

export async function clipMessage(clip: ClipParts, origin: ClipOrigin): Promise<ClipMessage> {
  const { frames, report, rank, score, confidence } = clip;
  const { header, format, cameraInfo } = origin;
  const { sampling, numGivenFrames, framesPerSecond } = report;
  const conditioning = numGivenFrames - 1;
  const calibrated = cameraInfo !== undefined && isCalibrated(cameraInfo) ? cameraInfo : undefined;
  const misfit = calibrated && misfitOf(calibrated, origin.picture);
  const compressed =
    format === 'rgb8'
      ? []
      : await Promise.all(frames.map((frame) => compressedFromFrame(frame, format, header)));
  return {
    header,
    generated_at: origin.generatedAt,
    plan_id: origin.planId,
    instruction: report.instruction,
    states: report.states,
    states_written_by: report.statesWrittenBy,
    model_id: basename(report.model.path),
    model_sha256: report.model.sha256,
    execution_provider: report.engine.provider,
    seed: BigInt(report.seed),
    sampler: sampling.sampler,
    num_inference_steps: sampling.numInferenceSteps,
    frame_guidance: sampling.frameGuidance,
    text_guidance: sampling.textGuidance,
    num_given_frames: numGivenFrames,
    time_from_start: frames.map((_, index) =>
      durationFromMs(((index - conditioning) * 1000) / framesPerSecond),
    ),
    frames: format === 'rgb8' ? frames.map((frame) => imageFromFrame(frame, header)) : [],
    compressed_frames: compressed,
    confidence: Float32Array.from(confidence),
    camera_info:
      calibrated === undefined || misfit !== undefined
        ? NO_CAMERA_INFO
        : scaledCameraInfo(calibrated, origin.picture, report, header),
    rank,
    score,
    planning_time: durationFromMs(report.timings.totalMs),
    warnings: [...report.warnings, ...concessions(report), ...(misfit === undefined ? [] : [misfit])],
    sigmas: Float64Array.from(report.sigmas),
  };
}

/** Why a calibration cannot be that of a picture. */
function misfitOf(cameraInfo: CameraInfoMessage, picture: ClipOrigin['picture']): string | undefined {
  const { width, height } = calibratedSize(cameraInfo);
  if (width === picture.width && height === picture.height) return undefined;
  return `camera_info is of pictures of ${width}x${height}, not ${picture.width}x${picture.height}: the clip has none`;
}

/** What a deadline cost, for people. */
function concessions({ deadline }: ClipReport): string[] {
  return (deadline?.gaveUp ?? []).map(
    ({ what, asked, given }) =>
      `to be there within ${Math.round(deadline?.deadlineMs ?? 0)} ms: ${what} ${given} instead of ${asked}`,
  );
}
