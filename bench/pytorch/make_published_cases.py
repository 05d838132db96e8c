"""Golden cases whose judge is the published code itself, at full size and with random weights.

Needs cd-fvd, pytorch-fid and lpips beside torch (`pip install --no-deps cd-fvd pytorch-fid lpips torchvision`); nothing
is downloaded, and only LPIPS' linear weights are not random:

    make_published_cases.py --out DIR     then: aid verify DIR
    make_published_cases.py --keys FILE   names and shapes of the checkpoints, as the tests hold them

Variances of batch norms are drawn down to 0.01, where the epsilon that the code adds to them shows.
"""

import argparse
import importlib.util
import json
import re
from pathlib import Path

import torch
from torch import nn

from aid_reference.case_folder import Case, Tensors, write_case
from aid_reference.draw import Draw


def load_i3d() -> nn.Module:
    """cd-fvd's, which is VideoGPT's, of the file alone: the package imports much more."""
    package = Path(importlib.util.find_spec("cdfvd").origin).parent
    spec = importlib.util.spec_from_file_location("i3d", package / "third_party" / "i3d" / "pytorch_i3d.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.InceptionI3d(400, in_channels=3)


def load_inception() -> nn.Module:
    """pytorch-fid's, without the weights that it would download."""
    from pytorch_fid import inception

    built = []
    make = inception._inception_v3
    inception._inception_v3 = lambda **options: built.append(make(**options)) or built[0]
    inception.load_state_dict_from_url = lambda *_, **__: built[0].state_dict()
    return inception.fid_inception_v3()


def inception_features(network: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    from pytorch_fid import inception

    inception.fid_inception_v3 = lambda: network
    return inception.InceptionV3([3], resize_input=False, normalize_input=False).eval()(pixels)[0].flatten(1)


class Lpips(nn.Module):
    """lpips's, by torchvision's names: the package moves the layers of AlexNet to slices of its own."""

    def __init__(self) -> None:
        super().__init__()
        import lpips

        self.judge = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
        layers = {k: v for part in self.judge.net.children() for k, v in part.named_children() if list(v.parameters())}
        self.features = nn.ModuleDict(layers)
        for index in range(5):
            setattr(self, f"lin{index}", getattr(self.judge, f"lin{index}"))


def random_weights(network: nn.Module, draw: Draw) -> Tensors:
    """As the cases of `aid_reference` have them, F16."""
    weights: Tensors = {}
    for name, value in sorted(tensors_of(network).items()):
        if name.startswith("lin"):
            drawn = value
        elif name.endswith("running_var"):
            drawn = 10 ** draw.uniform(*value.shape, low=-2.0, high=0.0)
        elif name.endswith("bn.weight"):
            scale = weights[name.replace("weight", "running_var")].float().sqrt()
            drawn = 1.4 * draw.uniform(*value.shape, low=0.5, high=1.5) * scale
        else:
            std = 0.1 if value.ndim == 1 else value[0].numel() ** -0.5
            drawn = draw.normal(*value.shape, std=std)
        weights[name] = drawn.half()
    return weights


# Checkpoints hold these too; the networks here do not need them.
UNUSED = re.compile(r"num_batches_tracked$|^AuxLogits\.|^fc\.|^judge\.")


def tensors_of(network: nn.Module) -> Tensors:
    return {name: value for name, value in network.state_dict().items() if not UNUSED.search(name)}


KINDS = {
    "i3d": (
        load_i3d,
        {"num_classes": 400, "width": 1},
        lambda draw: {"pixels": draw.uniform(1, 3, 10, 224, 224, low=-1.0)},
        lambda network, pixels: {"logits": network(pixels)},
    ),
    "inception-v3": (
        load_inception,
        {"width": 1},
        lambda draw: {"pixels": draw.uniform(1, 3, 299, 299, low=-1.0)},
        lambda network, pixels: {"features": inception_features(network, pixels)},
    ),
    "lpips": (
        Lpips,
        {"width": 1},
        lambda draw: {name: draw.uniform(4, 3, 96, 128, low=-1.0) for name in ("a", "b")},
        lambda network, a, b: {"distance": network.judge(a, b).flatten()},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of the cases")
    parser.add_argument("--keys", type=Path, help="JSON file of names and shapes")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    published = {}
    for kind, (load, config, inputs, outputs) in KINDS.items():
        network = load().eval()
        tensors = {name: list(value.shape) for name, value in tensors_of(network).items()}
        parameters = sum(value.numel() for value in tensors_of(network).values())
        published[kind] = {"config": config, "parameters": parameters, "tensors": tensors}
        if arguments.out is None:
            continue
        draw = Draw(arguments.seed)
        weights = random_weights(network, draw)
        network.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
        given = inputs(draw)
        with torch.no_grad():
            io = {**given, **outputs(network, **given)}
        note = "random weights through the published code"
        write_case(Case(arguments.out / f"{kind}-published", {"kind": kind, "note": note, **config}, weights, io))
    if arguments.keys is not None:
        rows = ",\n".join(
            f'"{kind}": {{"config": {json.dumps(each["config"])}, "parameters": {each["parameters"]}, "tensors": {{\n'
            + ",\n".join(f' "{name}": {json.dumps(shape)}' for name, shape in sorted(each["tensors"].items()))
            + "\n}}"
            for kind, each in published.items()
        )
        arguments.keys.write_text(f"{{\n{rows}\n}}\n")


main()
