import { describe, expect, it } from 'vitest';
import { precondition, preconditioned } from '#planner/diffusion/preconditioning.js';

describe('preconditioning', () => {
  it("is SVD's at sigma 1", () => {
    const { cSkip, cOut, cIn, cNoise } = precondition(1);
    expect([cSkip, cOut, cIn, cNoise]).toEqual(
      [0.5, -Math.SQRT1_2, Math.SQRT1_2, 0].map((x) => expect.closeTo(x, 12)),
    );
  });

  it.each([0.002, 0.3, 5, 700])('keeps the variances of input and target at 1 (sigma %d)', (sigma) => {
    const { cSkip, cOut, cIn } = precondition(sigma);
    // Data of variance 1: the input c_in (y + sigma n), and (y - c_skip (y + sigma n)) / c_out.
    expect(cIn ** 2 * (1 + sigma ** 2)).toBeCloseTo(1, 10);
    expect(((1 - cSkip) ** 2 + (cSkip * sigma) ** 2) / cOut ** 2).toBeCloseTo(1, 10);
  });

  it('is the same about any other mean of the data', async () => {
    const network = async (scaled: Float32Array) => scaled.map((value) => Math.tanh(3 * value));
    const mean = Float32Array.of(5, -2);
    const x = Float32Array.of(4.5, 1);
    const about = await preconditioned(network, mean)(x, 2);
    const centred = await preconditioned(network)(
      x.map((value, i) => value - (mean[i] as number)),
      2,
    );
    expect([...about]).toEqual(
      [...centred].map((value, i) => expect.closeTo(value + (mean[i] as number), 5)),
    );
  });

  it('makes a denoiser of a network that predicts v', async () => {
    const sigma = 2;
    const [clean, noise] = [0.7, -1.3];
    // v = alpha n - beta y at the angle of sigma.
    const v = (noise - sigma * clean) / Math.sqrt(1 + sigma ** 2);
    const seen: number[] = [];
    const denoise = preconditioned(async (scaled, cNoise) => {
      seen.push(scaled[0] as number, cNoise);
      return Float32Array.of(v);
    });
    const x = Float32Array.of(clean + sigma * noise);
    expect((await denoise(x, sigma))[0]).toBeCloseTo(clean, 5);
    expect(seen).toEqual(
      [(x[0] as number) / Math.sqrt(5), Math.log(2) / 4].map((each) => expect.closeTo(each, 5)),
    );
  });
});
