/** Which videos a run reads: `data` of a config file, and what `aid data inspect` takes. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';

/** Topics of a robot's own bags; those of `sim/` unless said otherwise. */
export const DEFAULT_TOPICS = { image: '/camera/image/compressed', instruction: '/instruction' };

export const bagsConfig = z.strictObject({
  /** A folder of rosbag2 recordings (`.mcap`, `.db3`, folders with a `metadata.yaml`), or one such file or folder. */
  bags: z.string(),
  topics: z
    .strictObject({
      /** sensor_msgs/msg/CompressedImage or sensor_msgs/msg/Image */
      image: z.string().optional(),
      /** std_msgs/msg/String, or any type with a text in it: see `instructionField`. */
      instruction: z.string().optional(),
    })
    .optional(),
  /** Where in the instruction's message the text is, such as `task.text`; `data` unless said otherwise. */
  instructionField: z.string().optional(),
  /** One command for every recording, where none was recorded: then all pictures of a bag are one episode. */
  instruction: z.string().min(1).optional(),
  /** Pictures up to this long before a command belong to it; 0 unless said otherwise. */
  leadMs: z.number().nonnegative().optional(),
  /** The same words again within this time are no new command; 2000 unless said otherwise. */
  repeatMs: z.number().nonnegative().optional(),
  /** A command ends after this time at the latest, or else with the next one. */
  maxSeconds: z.number().positive().optional(),
});
export type BagsConfig = z.infer<typeof bagsConfig>;

/** BridgeData V2 as it was recorded: folders with `images0/im_*.jpg` and `lang.txt`, at any depth. */
export const bridgeConfig = z.strictObject({
  bridge: z.string(),
  /** The folder of pictures; `images0`, the camera over the shoulder, unless said otherwise. */
  camera: z.string().optional(),
});
export type BridgeConfig = z.infer<typeof bridgeConfig>;

/** A LeRobot data set, version 2.0, 2.1 or 3.0. */
export const lerobotConfig = z.strictObject({
  lerobot: z.string(),
  /** A feature such as `observation.images.top`; the first camera unless said otherwise. */
  camera: z.string().optional(),
});
export type LerobotConfig = z.infer<typeof lerobotConfig>;

/** A folder of videos and a file that says what happens in them: see `readCaptions` for its formats. */
export const videosConfig = z.strictObject({ videos: z.string(), captions: z.string() });
export type VideosConfig = z.infer<typeof videosConfig>;

export const dataConfig = z.union([bagsConfig, bridgeConfig, lerobotConfig, videosConfig], {
  error: 'expected one of bags, bridge, lerobot, or videos with captions, and no key that it does not know',
});
export type DataConfig = z.infer<typeof dataConfig>;

/** The folder of a data set. */
export function dataFolder(config: DataConfig): string {
  if ('bags' in config) return config.bags;
  if ('bridge' in config) return config.bridge;
  return 'lerobot' in config ? config.lerobot : config.videos;
}

/** The same with its paths from the config file's folder on. */
export const absoluteData = (config: DataConfig, configFile: string): DataConfig =>
  withPaths(config, (path) => resolve(dirname(configFile), path));

/** What is read, wherever it lies. */
export const dataWithoutPlaces = (config: DataConfig): DataConfig => withPaths(config, () => '');

function withPaths(config: DataConfig, change: (path: string) => string): DataConfig {
  if ('bags' in config) return { ...config, bags: change(config.bags) };
  if ('bridge' in config) return { ...config, bridge: change(config.bridge) };
  if ('lerobot' in config) return { ...config, lerobot: change(config.lerobot) };
  return { ...config, videos: change(config.videos), captions: change(config.captions) };
}
