"""Reproduces every golden case: the repository's copies in test/fixtures, or those in $AID_GOLDENS."""

import os
from pathlib import Path

import pytest
import torch

from aid_reference.case_folder import find_cases
from aid_reference.check_case import check_case

FIXTURES = Path(__file__).resolve().parents[3] / "test" / "fixtures"
ROOT = Path(os.environ.get("AID_GOLDENS", FIXTURES))
CASES = [path for path in [*find_cases(ROOT), *find_cases(ROOT / "goldens")] if (path / "io.safetensors").exists()]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.skipif(not CASES, reason=f"no golden cases in {ROOT}; set AID_GOLDENS")
@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_reproduces(folder: Path) -> None:
    assert [d for d in check_case(folder) if not d.passed] == []
