"""Does this PyTorch implementation reproduce the golden cases in DIR (one case, or a folder of cases)?

Prints each tensor's error relative to the largest value expected, worst per case; exits 1 if any is too far.
"""

import argparse
import json
import sys
from itertools import groupby
from pathlib import Path

import torch

from aid_reference.case_folder import find_cases
from aid_reference.check_case import check_case


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--tolerance", type=float, help="default: 1e-6; deep networks up to 1e-5, gradients 1e-4")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="every tensor, as a JSON list")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    cases = find_cases(arguments.dir)
    differences = [d for folder in cases for d in check_case(folder, arguments.tolerance)]
    if arguments.json:
        print(json.dumps([{**vars(d), "pass": d.passed} for d in differences], indent=1))
    else:
        for name, group in groupby(differences, key=lambda d: d.case):
            tensors = list(group)
            worst = max(tensors, key=lambda d: d.error)
            verdict = "ok  " if all(d.passed for d in tensors) else "FAIL"
            print(f"{verdict} {name:28} {len(tensors):4} tensors, worst {worst.error:.2e} {worst.tensor}")
    return 0 if differences and all(d.passed for d in differences) else 1


if __name__ == "__main__":
    sys.exit(main())
