/** What an editor tells a caller: the types of the public API, checked by the compiler. */
import { lastValueFrom, type Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';
import {
  type CandidatesEnd,
  type CandidatesEvent,
  candidates,
  type EndEvent,
  type Engine,
  type EngineLoadOptions,
  endOnly,
  type Frame,
  framesOnly,
  type Graph,
  type GraphSession,
  type ImagineEvent,
  type ImagineRequest,
  imagine,
  imagineOn,
  type LiveEvent,
  type LiveOptions,
  type LoadOptions,
  type OfCommand,
  type Planner,
  type RolloutEndEvent,
  type RolloutEvent,
  type RolloutPlanner,
  type RunInput,
  type RunOptions,
  type RunResult,
  rollout,
  type StateTexts,
  type Tensor,
  type VideoPlanner,
} from '#sdk/index.js';

declare const planner: VideoPlanner;
declare const request: ImagineRequest;
declare const command$: Observable<string>;
declare const frame$: Observable<Frame>;
/** Only the types of what is returned count: nothing here runs. */
const typeOf = <Value>(_make: () => Value): Value => undefined as Value;

it('streams are Observables of events that their kind tells apart', () => {
  expectTypeOf(typeOf(() => imagine(planner, request))).toEqualTypeOf<Observable<ImagineEvent>>();
  expectTypeOf(typeOf(() => rollout(planner, request))).toEqualTypeOf<Observable<RolloutEvent>>();
  expectTypeOf(typeOf(() => candidates(planner, request))).toEqualTypeOf<Observable<CandidatesEvent>>();
  expectTypeOf(typeOf(() => imagineOn(planner, { command$, frame$, policy: 'switch' }))).toEqualTypeOf<
    Observable<LiveEvent>
  >();
  expectTypeOf<Extract<ImagineEvent, { kind: 'end' }>>().toEqualTypeOf<EndEvent>();
  expectTypeOf<ImagineEvent['kind']>().toEqualTypeOf<'step' | 'frame' | 'end'>();
  expectTypeOf<LiveEvent['kind']>().toEqualTypeOf<
    'start' | 'step' | 'frame' | 'end' | 'dropped' | 'failed'
  >();
  expectTypeOf<CandidatesEvent['kind']>().toEqualTypeOf<
    'candidate-step' | 'candidate-frame' | 'candidate-end' | 'candidate-failed' | 'end'
  >();
});

it('operators narrow the events', () => {
  expectTypeOf(typeOf(() => imagine(planner, request).pipe(endOnly()))).toEqualTypeOf<Observable<EndEvent>>();
  expectTypeOf(typeOf(() => imagine(planner, request).pipe(framesOnly()))).toEqualTypeOf<Observable<Frame>>();
  const found = typeOf(() => lastValueFrom(candidates(planner, request).pipe(endOnly())));
  expectTypeOf(found).resolves.toEqualTypeOf<CandidatesEnd>();
  const video = typeOf(() => lastValueFrom(rollout(planner, request).pipe(endOnly())));
  expectTypeOf(video).resolves.toEqualTypeOf<RolloutEndEvent>();
  const live = typeOf(() => imagineOn(planner, { command$, frame$, policy: 'switch' }).pipe(endOnly()));
  expectTypeOf(live).toEqualTypeOf<Observable<EndEvent & OfCommand>>();
});

it('a video planner is a planner', () => {
  expectTypeOf<VideoPlanner>().toExtend<Planner & RolloutPlanner>();
});

it('a policy in which commands wait says how many, and what gives way', () => {
  interface Streams {
    readonly command$: Observable<string>;
    readonly frame$: Observable<Frame>;
  }
  expectTypeOf<Streams & { policy: 'exhaust' }>().toExtend<LiveOptions>();
  expectTypeOf<Streams & { policy: 'concat' }>().not.toExtend<LiveOptions>();
  expectTypeOf<Streams & { policy: 'latest' }>().not.toExtend<LiveOptions>();
  expectTypeOf<Streams>().not.toExtend<LiveOptions>();
  // @ts-expect-error merge needs a concurrency
  typeOf(() => imagineOn(planner, { command$, frame$, policy: 'merge', maxQueued: 1, overflow: 'error' }));
});

it('requests are checked where they are written', () => {
  // @ts-expect-error an instruction is needed
  typeOf(() => imagine(planner, { frames: ['frame.png'] }));
  // @ts-expect-error there is no such setting
  typeOf(() => imagine(planner, { ...request, steps: 3 }));
  expectTypeOf<['a', 'b', 'c']>().not.toExtend<StateTexts>();
  expectTypeOf<ImagineRequest['frames']>().not.toBeAny();
});

it('a caller can write an engine', () => {
  const session: GraphSession = {
    inputNames: ['sample'],
    outputNames: ['output'],
    run: async (
      inputs: Readonly<Record<string, RunInput>>,
      { keep = [] }: RunOptions = {},
    ): Promise<RunResult> => {
      expectTypeOf(inputs.sample).toEqualTypeOf<RunInput | undefined>();
      expectTypeOf(keep).toExtend<readonly string[]>();
      const output: Tensor = { dataType: 'float32', dims: [1], data: new Float32Array(1) };
      return { tensors: { output }, resident: {} };
    },
    release: async () => undefined,
  };
  const engine: Engine = {
    description: { name: 'own', provider: 'remote', threads: 0 },
    load: async (graph: Graph, { weights }: EngineLoadOptions) => {
      for (const [key, { shape }] of graph.parameters) expectTypeOf([weights(key), shape]).not.toBeAny();
      return session;
    },
    dispose: async () => undefined,
  };
  expectTypeOf(engine).toExtend<NonNullable<LoadOptions['engine']>>();
});
