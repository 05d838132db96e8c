"""What a run has finished so far: one JSON line per job, so that a killed run can be resumed."""

import fcntl
import json
from pathlib import Path
from typing import Any

from .errors import AidSimError

Job = tuple[int, int]
"""A seed, and which of its commands: 0 is its own."""


def job_of(result: dict[str, Any]) -> Job:
    """The job that has this result."""
    return result["seed"], result.get("take", 0)


class Journal:
    """Append-only results in a directory.

    The first line holds the run's settings; resuming with other settings is refused. A directory
    belongs to one run at a time: two would remove each other's half-done files.

    Args:
        directory: made when missing.
        settings: what all results depend on.
        resume: whether to go on with an earlier run.

    Raises:
        AidSimError: the directory has results and `resume` is off, or they have other settings, or
            another run writes there.
    """

    NAME = "journal.jsonl"

    def __init__(self, directory: Path, settings: dict[str, Any], resume: bool):
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise AidSimError(f"--out {directory}: not a directory") from error
        self._path = directory / self.NAME
        self.results: dict[Job, dict[str, Any]] = {}
        if self._path.exists() and not resume:
            raise AidSimError(
                f"--out {directory}: already holds a run; use --resume or another directory"
            )
        self._file = self._path.open("a", encoding="utf-8")
        try:
            # Ends with the process, whatever ends it.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AidSimError(
                f"--out {directory}: another run writes there; wait for it"
            ) from error
        self._read(settings)

    def _read(self, settings: dict[str, Any]) -> None:
        text = self._path.read_text("utf-8")
        if not text:
            self._write({"settings": settings})
            return
        # A line that was cut off by a kill has no end; its job is done again.
        whole = text[: text.rfind("\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
            earlier = lines[0]["settings"]
            self.results = {job_of(line): line for line in lines[1:]}
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise AidSimError(f"{self._path}: not a journal: {error!r}") from error
        for key in {**settings, **earlier}:
            before, now = earlier.get(key), settings.get(key)
            if before != now:
                raise AidSimError(
                    f"{self._path}: made with {key} {before!r}, now {now!r}; use another directory"
                )
        self._file.truncate(len(whole.encode()))

    def add(self, result: dict[str, Any]) -> None:
        """Records a finished job."""
        self._write(result)
        self.results[job_of(result)] = result

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
