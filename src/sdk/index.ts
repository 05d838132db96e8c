/** One import for agents and planners: the planner's API and Observables over it. */

export * from '../planner/index.js';
export {
  type CandidatesEnd,
  type CandidatesEvent,
  type CandidatesRequest,
  candidates,
  type FailedCandidate,
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
  type LivePaced,
  type OfCommand,
  type StartEvent,
} from './imagine-on.js';
export { NewestWins, type NewestWinsOptions, type QueuedWork } from './newest-wins.js';
export type { Planner } from './planner.js';
export { type PlayedFrame, type PlayOptions, play } from './play.js';
export {
  byAgreement,
  type Candidate,
  type CandidateName,
  type Rank,
  type RankContext,
  type RankedCandidate,
  type Ranking,
  type Score,
} from './ranking.js';
export { type RolloutOptions, type RolloutPlanner, rollout } from './rollout.js';
export {
  type EndOf,
  endOnly,
  framesOnly,
  type Preview,
  type Progress,
  previewsOnly,
  progressOnly,
} from './select-events.js';
export { SharedDeadline } from './shared-deadline.js';
export { type Spread, spreadOf } from './spread.js';
