"""`norm_num_groups`: diffusers' spatio-temporal classes always take 32; a config may say another number."""

from torch import nn

from .config import Config


def set_norm_groups(network: nn.Module, config: Config) -> None:
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            module.num_groups = config.get("norm_num_groups", module.num_groups)
