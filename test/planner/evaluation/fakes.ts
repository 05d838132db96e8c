/** Scenes that fit in the head, and planners whose figures can be worked out by hand. */
import type { Frame } from '#planner/conditioning/frame.js';
import type { EvaluatedPlanner } from '#planner/evaluation/evaluate.js';
import type { Scene, SceneSet } from '#planner/evaluation/scene-set.js';
import { Observation } from '#planner/imagination/observation.js';
import type { ImagineRequest } from '#planner/imagination/request.js';

const SIDE = 8;

/** A frame of one grey. */
export function grey(level: number): Frame {
  return { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3).fill(level) };
}

/** A frame of one colour. */
export function colour(...rgb: readonly [number, number, number]): Frame {
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => rgb[i % 3] as number);
  return { width: SIDE, height: SIDE, data };
}

/**
 * A scene of grey frames: those of the commanded clip, of the same command carried out in another way, and the last
 * of the other commands.
 */
export function greyScene(
  seed: number,
  {
    clip,
    again,
    others,
    family = 'put',
  }: {
    clip: readonly number[];
    again?: readonly number[];
    others: readonly number[];
    family?: string;
  },
): Scene {
  const command = (index: number) => ({
    family: index === 0 ? family : 'other',
    instruction: `command ${index} of ${seed}`,
    heldOutInstruction: `command ${index} of ${seed} in other words`,
  });
  return {
    seed,
    commands: [0, ...others].map((_, index) => command(index)),
    commanded: 0,
    given: grey(clip[0] ?? 0),
    clip: clip.map(grey),
    ...(again === undefined ? {} : { again: again.map(grey) }),
    outcomes: [clip.at(-1) ?? 0, ...others].map(grey),
  };
}

export function fakeSet(scenes: readonly Scene[]): SceneSet {
  const seeds = scenes.map(({ seed }) => seed);
  return {
    folder: 'fake',
    seeds: { from: Math.min(...seeds), to: Math.max(...seeds) + 1 },
    generator: 'fake 1',
    fingerprint: 'f',
    variant: 'default',
    width: SIDE,
    height: SIDE,
    framesPerSecond: 5,
    scenes: scenes.map(({ seed, commands, commanded }) => ({
      seed,
      commanded,
      again: null,
      failedCommands: {},
      commands: commands.map((command, index) => ({
        ...command,
        index,
        bag: '',
        frames: index === commanded ? ('all' as const) : ('ends' as const),
      })),
    })),
    skipped: [],
    load: async ({ seed }) => scenes.find((scene) => scene.seed === seed) as Scene,
  };
}

export type Imagination = (scene: Scene, request: ImagineRequest) => readonly Frame[];

/** A planner that answers at once, and remembers what it was asked. Its autoencoder loses nothing. */
export function fakePlanner(
  scenes: readonly Scene[],
  imagination: Imagination,
): EvaluatedPlanner & { readonly requests: ImagineRequest[] } {
  const requests: ImagineRequest[] = [];
  const numFrames = scenes[0]?.clip.length ?? 1;
  const video = { numFrames, width: SIDE, height: SIDE, framesPerSecond: 5 };
  const engine = { name: 'fake', provider: 'cpu', threads: 1 } as const;
  return {
    requests,
    video,
    engine,
    sha256: 'none',
    observe: async (frames) => new Observation(frames as Frame[], [], new Float32Array()),
    reconstruct: async (frames) => [...frames],
    async *imagine(request) {
      requests.push(request);
      const { seed = 0, frames: observation } = request;
      if (!Observation.isInstance(observation)) throw new Error('not observed');
      const scene = scenes.find((each) => each.given === observation.frames[0]) as Scene;
      const frames = imagination(scene, request);
      const report = {
        model: { path: 'fake', sha256: 'none' },
        engine,
        instruction: request.instruction,
        states: ['', '', '', ''],
        statesWrittenBy: 'nobody',
        seed,
        numGivenFrames: 1,
        ...video,
        sampling: {
          sampler: 'euler',
          numInferenceSteps: request.numInferenceSteps ?? 2,
          sigmaMin: 1,
          sigmaMax: 2,
          rho: 7,
          frameGuidance: request.frameGuidance ?? 1,
          textGuidance: request.textGuidance ?? 1,
        },
        sigmas: [2, 1],
        warnings: [`warned of ${request.instruction.split(' ')[0]}`],
        timings: { observeMs: 0, conditionMs: 0, denoiseMs: 0, decodeMs: 0, totalMs: 0 },
      } as const;
      yield { kind: 'end', frames, report };
    },
  };
}

/** Does what it is told, as it truly happens. Without a text, what the scene's own command says. */
export const truth: Imagination = ({ clip, commands, outcomes }, { instruction, textGuidance }) => {
  const command = commands.findIndex(
    (each) => each.instruction === instruction || each.heldOutInstruction === instruction,
  );
  const told = textGuidance === 0 ? 0 : command;
  return [...clip.slice(0, -1), outcomes[told] as Frame];
};

export const copyFirst: Imagination = ({ clip }) => clip.map(() => clip[0] as Frame);
