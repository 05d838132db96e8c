/** The planner's public API. */

export { encodeAnimatedWebp, encodeFilmstrip } from './conditioning/animation.js';
export {
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
} from './conditioning/frame.js';
export { MllmStatePrompter, type MllmStatePrompterOptions } from './conditioning/mllm-state-prompter.js';
export type { StatePrompt, StatePrompter, StateTexts, WrittenPrompt } from './conditioning/state-prompter.js';
export { TemplateStatePrompter } from './conditioning/template-state-prompter.js';
export type { SamplerName } from './diffusion/samplers.js';
export { AidError, type AidErrorCode } from './errors.js';
export type { ClipSettings } from './imagination/clip-estimate.js';
export {
  type Concession,
  DeadlineExceededError,
  type DeadlineReport,
} from './imagination/deadline.js';
export type { ClipReport, EndEvent, FrameEvent, ImagineEvent, StepEvent } from './imagination/events.js';
export { exportTriton, type TritonExport, type TritonExportOptions } from './imagination/export-triton.js';
export { Observation } from './imagination/observation.js';
export type { ImagineRequest, PreviewDownscale, Sampling } from './imagination/request.js';
export type {
  RolloutClipEvent,
  RolloutEndEvent,
  RolloutEvent,
  RolloutFrameEvent,
  RolloutRequest,
  RolloutStepEvent,
} from './imagination/rollout.js';
export type { ChosenProvider } from './runtime/choose-engine.js';
export type { Engine, EngineDescription, ExecutionProvider } from './runtime/engine.js';
export {
  OpenInferenceEngine,
  type OpenInferenceEngineOptions,
} from './runtime/open-inference-protocol/open-inference-engine.js';
export { type LoadOptions, VideoPlanner } from './video-planner.js';
