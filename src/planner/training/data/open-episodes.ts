import { bagRecordings } from './bags/bag-recordings.js';
import { bridgeTrajectories } from './bridge-trajectories.js';
import type { DataConfig } from './data-config.js';
import type { EpisodeSet, Recording, SkippedEpisode } from './episode.js';
import { lerobotEpisodes } from './lerobot/lerobot-episodes.js';
import { videoRecordings } from './videos/video-recordings.js';

/** Lists a data set; nothing is decoded yet. Errors: `invalid-data` for a folder that holds nothing of its kind. */
export async function openEpisodes(config: DataConfig): Promise<EpisodeSet> {
  const set = await listed(config);
  const byId = new Map<string, Recording>();
  const skipped: SkippedEpisode[] = [...set.skipped];
  for (const recording of set.recordings) {
    const { id, name } = recording;
    if (byId.has(id))
      skipped.push({ name, reason: `${name}: ${id} is listed twice, see ${byId.get(id)?.name}` });
    else byId.set(id, recording);
  }
  return { ...set, recordings: [...byId.values()], skipped };
}

async function listed(config: DataConfig): Promise<EpisodeSet> {
  if ('bags' in config) return bagRecordings(config);
  if ('bridge' in config) return bridgeTrajectories(config);
  if ('lerobot' in config) return lerobotEpisodes(config);
  return videoRecordings(config);
}
