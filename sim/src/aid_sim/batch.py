"""Runs many jobs, in this process or in several, with a progress bar."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

Result = dict[str, Any]
T = TypeVar("T")


def _ignore_interrupts() -> None:
    # Ctrl-C reaches the whole group of processes; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_batch(
    job: Callable[[T], Result], todo: list[T], workers: int, unit: str
) -> Iterator[Result]:
    """Yields the job's results as they are ready; their order varies when workers > 1."""
    with tqdm(total=len(todo), unit=unit, file=sys.stderr, dynamic_ncols=True) as bar:
        if workers == 1:
            for each in todo:
                result = job(each)
                bar.update()
                yield result
            return
        # One core per worker.
        os.environ.setdefault("LP_NUM_THREADS", "0")
        context = multiprocessing.get_context("spawn")
        with context.Pool(workers, initializer=_ignore_interrupts) as pool:
            for result in pool.imap_unordered(job, todo):
                bar.update()
                yield result
