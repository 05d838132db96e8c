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
export type { GivenFrame } from './imagination/given-frames.js';
export { Observation } from './imagination/observation.js';
export type { ObserveOptions } from './imagination/observe.js';
export type { ImagineRequest, PreviewDownscale, Sampling } from './imagination/request.js';
export type {
  RolloutClipEvent,
  RolloutEndEvent,
  RolloutEvent,
  RolloutFrameEvent,
  RolloutRequest,
  RolloutStepEvent,
} from './imagination/rollout.js';
export type {
  Attribute as GraphAttribute,
  Attributes as GraphAttributes,
  ConstantTensor,
  DataType,
  Float as FloatAttribute,
  Graph,
  Node as GraphNode,
  OutputType,
  Source as GraphSource,
  Value as GraphValue,
} from './onnx/graph.js';
export type { BatchDim, Dim, Shape } from './onnx/shape.js';
export {
  type Engine,
  type EngineDescription,
  EXECUTION_PROVIDERS,
  type ExecutionProvider,
  type GraphSession,
  type LoadOptions as EngineLoadOptions,
  type ResidentTensor,
  type RunInput,
  type RunOptions,
  type RunResult,
} from './runtime/engine.js';
export type { ChosenProvider } from './runtime/engine-options.js';
export {
  OpenInferenceEngine,
  type OpenInferenceEngineOptions,
} from './runtime/open-inference-protocol/open-inference-engine.js';
export type { FloatTensor, Int64Tensor, Tensor } from './runtime/tensor.js';
export type { WeightSource } from './runtime/weight-source.js';
export { type LoadOptions, VideoPlanner } from './video-planner.js';
export type { StoredTensor, StoredType } from './weights/safetensors.js';
