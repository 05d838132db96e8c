"""Makes golden cases of any config, in the layout of the project's golden tensors.

One case:     make_golden.py --kind unet-aid --config my.json --seed 1 --out DIR/my-case
A set of them: make_golden.py --config cases --out DIR      (each cases/NAME.json says its `kind`; `uses` first)

The JSON is the case's `config.json`; its `shapes` (batch, height and width of the latents, tokens,
visual_tokens) say what a config does not, and are not written. Cases with `uses` name folders beside theirs.
"""

import argparse
import json
import zlib
from pathlib import Path

import torch

from aid_reference.case_folder import Case
from aid_reference.kinds import KINDS
from aid_reference.make_case import make_case


def describe(case: Case) -> str:
    size = sum(path.stat().st_size for path in case.folder.iterdir())
    return f"{case.folder.name:28} {case.kind:12} {size / 1e6:6.2f} MB, {len(case.weights)} weights"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=sorted(KINDS), help="default: the JSON's own")
    parser.add_argument("--config", type=Path, required=True, help="a JSON file, or a folder of them")
    parser.add_argument("--seed", type=int, help="default: made from the case's name")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    if arguments.config.is_dir():
        configs = {path.stem: json.loads(path.read_text()) for path in sorted(arguments.config.glob("*.json"))}
        folders = {arguments.out / name: config for name, config in configs.items()}
    else:
        folders = {arguments.out: json.loads(arguments.config.read_text())}
    for folder, config in sorted(folders.items(), key=lambda item: bool(item[1].get("uses"))):
        seed = zlib.crc32(folder.name.encode()) if arguments.seed is None else arguments.seed
        print(describe(make_case(arguments.kind or config["kind"], config, seed, folder)))


if __name__ == "__main__":
    main()
