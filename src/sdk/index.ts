/** One import for agents and planners: the planner's API and Observables over it. */

export * from '../planner/index.js';
export {
  byAgreement,
  type Candidate,
  type CandidateName,
  type CandidatesEnd,
  type CandidatesEvent,
  type CandidatesRequest,
  candidates,
  type Rank,
  type RankContext,
  type RankedCandidate,
  type Score,
} from './candidates.js';
export { type ConflateOptions, conflate } from './conflate.js';
export { type DropReason, type FlatteningPolicy, flatten, type Waiting } from './flatten.js';
export { type FromEventsOptions, fromEvents, type Pace } from './from-events.js';
export { type ImagineOptions, imagine } from './imagine.js';
export {
  type Command,
  type CommandSettings,
  type DroppedEvent,
  type FailedEvent,
  imagineOn,
  type LiveEvent,
  type LiveOptions,
  type OfCommand,
  type StartEvent,
} from './imagine-on.js';
export { NewestWins, type NewestWinsOptions, type Work } from './newest-wins.js';
export type { Planner } from './planner.js';
export { type PlayedFrame, type PlayOptions, play } from './play.js';
export { type RolloutOptions, type RolloutPlanner, rollout } from './rollout.js';
export {
  endOnly,
  framesOnly,
  type Preview,
  type Progress,
  previewsOnly,
  progressOnly,
} from './select-events.js';
export { type Spread, spreadOf } from './spread.js';
