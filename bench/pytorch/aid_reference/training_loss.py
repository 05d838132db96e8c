"""The EDM training objective, and which parameters AID trains."""

from torch import Tensor, nn

from .denoiser import Condition, Denoiser
from .preconditioning import precondition

AID = "every adapter, every attn2, the whole DQFormer"
EVERYTHING = "everything"


def select_trainable(denoiser: Denoiser, trainable: str = AID) -> dict[str, nn.Parameter]:
    """Freezes everything else; returns the trained parameters by their path."""
    if trainable not in (AID, EVERYTHING):
        raise ValueError(f"trainable: expected {AID!r} or {EVERYTHING!r}, got {trainable!r}")
    chosen: dict[str, nn.Parameter] = {}
    for name, parameter in denoiser.named_parameters():
        aid = name.startswith("dqformer.") or "_adapter." in name or ".attn2." in name
        parameter.requires_grad_(aid or trainable == EVERYTHING)
        if parameter.requires_grad:
            chosen[name] = parameter
    return chosen


def edm_loss(
    denoiser: Denoiser, clean: Tensor, noise: Tensor, sigma: Tensor, condition: Condition
) -> tuple[Tensor, Tensor]:
    """mean of (1+s^2)/s^2 * (D(clean + s noise, s) - clean)^2, and D. clean, noise [B,F,4,H,W], sigma [B]."""
    x = clean + sigma[:, None, None, None, None] * noise
    denoised = denoiser(x, sigma, condition)
    return (precondition(sigma).loss_weight * (denoised - clean) ** 2).mean(), denoised
