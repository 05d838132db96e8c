"""EDM preconditioning as SVD uses it (sigma_data = 1, v-prediction): D(x, s) = c_skip x + c_out F(c_in x, c_noise)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Preconditioning:
    """Coefficients [B,1,1,1,1] to multiply [B,F,C,H,W]; `c_noise` [B] is the UNet's timestep."""

    c_skip: Tensor
    c_out: Tensor
    c_in: Tensor
    c_noise: Tensor
    loss_weight: Tensor


def precondition(sigma: Tensor) -> Preconditioning:
    """sigma [B], positive."""
    s = sigma[:, None, None, None, None]
    return Preconditioning(
        c_skip=1 / (s**2 + 1),
        c_out=-s / torch.sqrt(s**2 + 1),
        c_in=1 / torch.sqrt(s**2 + 1),
        c_noise=torch.log(sigma) / 4,
        loss_weight=(1 + s**2) / s**2,
    )
