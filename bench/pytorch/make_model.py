"""Writes a model folder of random F16 weights from a JSON of configs, for races and parity at that size."""

import argparse
from pathlib import Path

from aid_reference.model_folder import ModelConfigs
from aid_reference.random_model import write_random_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="configs/*.json, or another model folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_random_model(ModelConfigs.read(arguments.config), arguments.seed, arguments.out)


if __name__ == "__main__":
    main()
