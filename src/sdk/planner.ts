/** What the SDK asks of a planner. */
import type { ObservableInput } from 'rxjs';
import type { StatePrompt } from '../planner/conditioning/state-prompter.js';
import type { ImagineEvent } from '../planner/imagination/events.js';
import type { Observation } from '../planner/imagination/observation.js';
import type { ImagineRequest } from '../planner/imagination/request.js';
import type { VideoPlanner } from '../planner/video-planner.js';

/** A `VideoPlanner`, whatever engine it runs on, or anything else that imagines: a wrapper, a recording, a test. */
export interface Planner {
  readonly video: VideoPlanner['video'];
  observe(...given: Parameters<VideoPlanner['observe']>): Promise<Observation>;
  writeStates(...given: Parameters<VideoPlanner['writeStates']>): Promise<StatePrompt>;
  /** Starts nothing until it is subscribed to or iterated; stops on the request's `abortSignal`. */
  imagine(request: ImagineRequest): ObservableInput<ImagineEvent>;
}
