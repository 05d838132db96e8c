import { bagRecordings } from './bags/bag-recordings.js';
import { bridgeTrajectories } from './bridge-trajectories.js';
import type { DataConfig } from './data-config.js';
import type { EpisodeSet } from './episode.js';
import { lerobotEpisodes } from './lerobot/lerobot-episodes.js';
import { videoRecordings } from './videos/video-recordings.js';

/** Lists a data set; nothing is decoded yet. Errors: `invalid-data` for a folder that holds nothing of its kind. */
export async function openEpisodes(config: DataConfig): Promise<EpisodeSet> {
  if ('bags' in config) return bagRecordings(config);
  if ('bridge' in config) return bridgeTrajectories(config);
  if ('lerobot' in config) return lerobotEpisodes(config);
  return videoRecordings(config);
}
