// Times one denoising step: the UNet on `--branches` guidance branches in one batch, guidance, Euler's update. The
// keys and values are worked out before, once, as they are for a clip. The counterpart of pytorch/time_step.py.
//
//   node bench/time-step.mjs --model DIR [--branches 3] [--threads 2] [--repeat N]
import { combine } from '#planner/diffusion/guidance.js';
import { preconditioned } from '#planner/diffusion/preconditioning.js';
import { euler } from '#planner/diffusion/samplers.js';
import { Random } from '#planner/random.js';
import { openDenoiser } from './racing/denoiser.mjs';
import { race, raceArguments } from './racing/lap.mjs';

const options = raceArguments({ branches: 3 });

await race(options, async () => {
  const { branches } = options;
  const denoiser = await openDenoiser(options.model, options);
  const weighted = Array.from({ length: branches }, () => ({ branch: 'full', weight: 1 / branches }));
  const denoise = preconditioned(async (scaled, cNoise) => {
    const output = await denoiser.run(scaled, cNoise);
    const size = output.length / branches;
    return combine(
      weighted,
      weighted.map((_, b) => output.subarray(b * size, (b + 1) * size)),
    );
  });
  const x = new Random(2).normals(denoiser.size);
  const lap = async () => {
    for await (const _step of euler(denoise, x, [3, 2]));
  };
  return { lap, facts: { race: 'step', latents: denoiser.latents }, end: denoiser.end };
});
