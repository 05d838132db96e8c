import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def aid_sim():
    """Runs the command line in a process of its own."""

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "aid_sim", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=cwd,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the episodes of seeds 0..4."""
    out = tmp_path_factory.mktemp("episodes")
    subprocess.run(
        [sys.executable, "-m", "aid_sim", "episodes", "--seeds", "0:5", "--out", str(out)],
        check=True,
        capture_output=True,
    )
    return out
