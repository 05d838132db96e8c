/** The ROS 2 messages that the node reads and writes, as rclnodejs gives and takes them. */

export interface Time {
  readonly sec: number;
  readonly nanosec: number;
}
export type Duration = Time;
export interface Header {
  readonly stamp: Time;
  readonly frame_id: string;
}
export interface Uuid {
  /** 16 bytes. */
  readonly uuid: Uint8Array;
}
export interface StringMessage {
  readonly data: string;
}
export interface ImageMessage {
  readonly header: Header;
  readonly height: number;
  readonly width: number;
  readonly encoding: string;
  readonly is_bigendian: number;
  /** Bytes from one row to the next. */
  readonly step: number;
  readonly data: Uint8Array;
}
export interface CompressedImageMessage {
  readonly header: Header;
  readonly format: string;
  readonly data: Uint8Array;
}
export interface CameraInfoMessage {
  readonly header: Header;
  readonly height: number;
  readonly width: number;
  readonly distortion_model: string;
  readonly d: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly r: ArrayLike<number>;
  readonly p: ArrayLike<number>;
  readonly binning_x: number;
  readonly binning_y: number;
  readonly roi: {
    readonly x_offset: number;
    readonly y_offset: number;
    readonly height: number;
    readonly width: number;
    readonly do_rectify: boolean;
  };
}

export interface ClipMessage {
  readonly header: Header;
  readonly generated_at: Time;
  readonly plan_id: Uuid;
  readonly instruction: string;
  readonly states: readonly string[];
  readonly states_written_by: string;
  readonly model_id: string;
  readonly model_sha256: string;
  readonly execution_provider: string;
  readonly seed: bigint;
  readonly sampler: string;
  readonly num_inference_steps: number;
  readonly frame_guidance: number;
  readonly text_guidance: number;
  readonly num_given_frames: number;
  readonly time_from_start: readonly Duration[];
  readonly frames: readonly ImageMessage[];
  readonly compressed_frames: readonly CompressedImageMessage[];
  readonly confidence: Float32Array;
  readonly camera_info: CameraInfoMessage;
  readonly rank: number;
  readonly score: number;
  readonly planning_time: Duration;
  readonly warnings: readonly string[];
  readonly sigmas: Float64Array;
}

export interface CommandOutcomeMessage {
  readonly header: Header;
  readonly plan_id: Uuid;
  readonly instruction: string;
  readonly error_code: number;
  readonly error_msg: string;
  readonly latency: Duration;
}

export interface ModelInfoMessage {
  readonly header: Header;
  readonly model_id: string;
  readonly model_path: string;
  readonly model_sha256: string;
  readonly planner_version: string;
  readonly execution_provider: string;
  readonly threads: number;
  readonly width: number;
  readonly height: number;
  readonly max_frames: number;
  readonly frames_per_second: number;
  readonly load_time: Duration;
}

export interface ImagineGoal {
  readonly instructions: readonly string[];
  readonly states: readonly string[];
  readonly frames: readonly ImageMessage[];
  readonly compressed_frames: readonly CompressedImageMessage[];
  readonly seed: number | bigint;
  readonly candidates: number;
  readonly num_frames: number;
  readonly preset: string;
  readonly num_inference_steps: number;
  readonly frame_guidance: number;
  readonly text_guidance: number;
  readonly deadline: Duration;
  readonly preview: boolean;
}
export interface ImagineResult {
  readonly clips: readonly ClipMessage[];
  readonly error_code: number;
  readonly error_msg: string;
  readonly total_time: Duration;
}
export interface ImagineFeedback {
  readonly plan_id: Uuid;
  readonly clip: number;
  readonly clips: number;
  readonly step: number;
  readonly steps: number;
  readonly elapsed: Duration;
  readonly estimated_time_remaining: Duration;
  readonly preview: ImageMessage;
}
