"""The noise schedule of Karras et al. 2022, Eq. 5."""

import numpy as np
import torch
from torch import Tensor


def karras_sigmas(steps: int, sigma_min: float, sigma_max: float, rho: float) -> Tensor:
    """[steps + 1] F32: from sigma_max to sigma_min, then 0. Worked out in float64."""
    ramp = np.linspace(0, 1, steps) if steps > 1 else np.zeros(1)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    sigmas = (high + ramp * (low - high)) ** rho
    return torch.from_numpy(np.append(sigmas, 0.0)).to(torch.float32)
