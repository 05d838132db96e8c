import type { DataConfig } from './data-config.js';
import { hasSentencesByName } from './videos/captions.js';

/**
 * Frames of a clip where a config does not say: 12 of videos with a caption each, as Something-Something V2 and
 * EPIC-KITCHENS are, else 16, also of UCF-101 with a sentence for each class.
 */
export function clipLength(data: DataConfig): number {
  return 'videos' in data && !hasSentencesByName(data.captions) ? 12 : 16;
}
