"""Euler's method on Karras sigmas with dual guidance (Eq. 8)."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from .denoiser import Condition, Denoiser

Denoise = Callable[[Tensor, Tensor], Tensor]


def dual_guidance(
    denoiser: Denoiser,
    full: Condition,
    null_instruction: Tensor,
    null_states: Tensor,
    frame_guidance: float,
    text_guidance: float,
) -> Denoise:
    """none + s_frame (frame - none) + s_text (full - frame); a branch whose scale vanishes is not computed."""
    frame = full.without_text(null_instruction, null_states)
    weighted = [
        (text_guidance, full),
        (frame_guidance - text_guidance, frame),
        (1 - frame_guidance, frame.without_frame()),
    ]
    weights = [weight for weight, _ in weighted if weight]
    conditions = Condition.batch([condition for weight, condition in weighted if weight])
    tokens = denoiser.tokens(conditions)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        """x [B,F,4,H,W], sigma [B]; all branches run as one batch."""
        count = len(weights)
        branches = denoiser(x.repeat(count, 1, 1, 1, 1), sigma.repeat(count), conditions, tokens).chunk(count)
        return sum((w * d for w, d in zip(weights, branches, strict=True)), start=torch.zeros_like(x))

    return denoise


def euler(denoise: Denoise, initial_noise: Tensor, sigmas: Tensor, data_mean: Tensor | None = None) -> list[Tensor]:
    """The latents before the first and after each step. The first are data_mean + noise * sqrt(sigma_max^2 + 1).

    initial_noise [B,F,4,H,W], sigmas [steps + 1], data_mean as initial_noise; None: zero, as in SVD.
    """
    x = initial_noise * torch.sqrt(sigmas[0] ** 2 + 1)
    x = x if data_mean is None else data_mean + x
    latents = [x]
    for sigma, next_sigma in pairwise(sigmas):
        derivative = (x - denoise(x, sigma.expand(x.shape[0]))) / sigma
        x = x + derivative * (next_sigma - sigma)
        latents.append(x)
    return latents
