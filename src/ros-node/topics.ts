/** Every topic of the node. Pure: layouts and documents are checked against it. */

export interface Topic {
  readonly type: string;
  /** Seen from the node. */
  readonly way: 'in' | 'out';
  /** How many messages are kept. */
  readonly depth: number;
  /** `latched` is reliable, and kept for subscribers that come later. */
  readonly quality: 'reliable' | 'latched' | 'best-effort';
}

const IMAGE = 'sensor_msgs/msg/Image';

/** Names are relative, but for that of diagnostics. */
export const TOPICS = {
  image: { type: IMAGE, way: 'in', depth: 1, quality: 'best-effort' },
  'image/compressed': {
    type: 'sensor_msgs/msg/CompressedImage',
    way: 'in',
    depth: 1,
    quality: 'best-effort',
  },
  camera_info: { type: 'sensor_msgs/msg/CameraInfo', way: 'in', depth: 1, quality: 'best-effort' },
  instruction: { type: 'std_msgs/msg/String', way: 'in', depth: 1000, quality: 'reliable' },
  clip: { type: 'aid_msgs/msg/Clip', way: 'out', depth: 1, quality: 'latched' },
  preview: { type: IMAGE, way: 'out', depth: 1, quality: 'reliable' },
  goal_image: { type: IMAGE, way: 'out', depth: 1, quality: 'latched' },
  goal_preview: { type: IMAGE, way: 'out', depth: 1, quality: 'reliable' },
  outcomes: { type: 'aid_msgs/msg/CommandOutcome', way: 'out', depth: 1000, quality: 'reliable' },
  model_info: { type: 'aid_msgs/msg/ModelInfo', way: 'out', depth: 1, quality: 'latched' },
  '/diagnostics': {
    type: 'diagnostic_msgs/msg/DiagnosticArray',
    way: 'out',
    depth: 10,
    quality: 'reliable',
  },
} as const satisfies Readonly<Record<string, Topic>>;

export type TopicName = keyof typeof TOPICS;
