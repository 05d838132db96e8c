"""Files and folders that are there completely or not at all."""

import os
import re
import shutil
from pathlib import Path


def temporary_of(path: Path) -> Path:
    """Where a file or folder is written before it gets its name."""
    return path.with_name(f".{path.name}.tmp")


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that it is there completely or not at all."""
    temporary = temporary_of(path)
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(directory: Path, names: str) -> None:
    """Removes what a killed run left half done of what has a name of this pattern in the end."""
    for path in directory.iterdir():
        if re.fullmatch(rf"\.(?:{names})\.tmp", path.name):
            remove(path)


def remove(path: Path) -> None:
    """Removes a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
