"""What setup.sh says where the system lacks something. It installs nothing here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[1] / "setup.sh"
WITHOUT_OSMESA = """#!/bin/sh
case "$*" in *OSMesa*) exit 1 ;; esac
"""


MAKES_ENVIRONMENTS = """#!/bin/sh
echo "$*" >>"$LOG"
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
"""
OF_AN_OLDER_PYTHON = """#!/bin/sh
case "$*" in *"import pip"*) exit 1 ;; esac
"""


def put_program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "user, said",
    [
        (0, "apt-get could not install libosmesa6; Mesa 25.1 and newer has no OSMesa"),
        (1000, "sudo apt-get install libosmesa6; Mesa 25.1 and newer has no OSMesa"),
    ],
)
def test_no_osmesa_is_told_with_what_to_do(user, said, tmp_path):
    shutil.copy(SETUP, tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    put_program(programs / "id", f"#!/bin/sh\necho {user}\n")
    put_program(programs / "apt-get", "#!/bin/sh\necho E: no candidate >&2\nexit 100\n")
    python = put_program(programs / "some-python", WITHOUT_OSMESA)
    done = subprocess.run(
        ["bash", tmp_path / "setup.sh"],
        env={"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("sim/setup: error: ")
    assert said in last
    assert not (tmp_path / ".venv").exists()


def test_an_environment_of_an_older_python_is_made_anew(tmp_path):
    for name in ("setup.sh", "pyproject.toml", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(SETUP.parent / name, tmp_path)
    old = tmp_path / ".venv" / "bin"
    old.mkdir(parents=True)
    for name in ("python", "pip", "aid-sim"):
        put_program(old / name, OF_AN_OLDER_PYTHON)
    python = put_program(tmp_path / "some-python", MAKES_ENVIRONMENTS)
    log = tmp_path / "log"
    for _ in range(2):
        done = subprocess.run(
            ["bash", tmp_path / "setup.sh"],
            env={"PATH": os.environ["PATH"], "PYTHON": str(python), "LOG": str(log)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("ready: sim/.venv/bin/aid-sim\n")
    # The second finds its pip: there is no aid-sim, so that packages are installed once more.
    lines = log.read_text().splitlines()
    assert lines.count("-m venv .venv") == 1
    assert sum(line.startswith("-m pip install") for line in lines) == 4
