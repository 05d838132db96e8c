"""Runs many jobs, in this process or in several, with a progress bar."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from tqdm import tqdm

from .errors import AidSimError

Result = dict[str, Any]
T = TypeVar("T")


def _ignore_interrupts() -> None:
    # Ctrl-C reaches the whole group of processes; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_batch(
    job: Callable[[T], Result], todo: list[T], workers: int, unit: str
) -> Iterator[Result]:
    """Yields the job's results as they are ready; their order varies when workers > 1.

    Leaving the iteration stops the workers at once. Raises what a job raises, and AidSimError when
    a worker process dies.
    """
    with tqdm(total=len(todo), unit=unit, file=sys.stderr, dynamic_ncols=True) as bar:
        results = map(job, todo) if workers == 1 else _run_in_processes(job, todo, workers)
        for result in results:
            bar.update()
            yield result


def _run_in_processes(job: Callable[[T], Result], todo: list[T], workers: int) -> Iterator[Result]:
    # One core per worker.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_ignore_interrupts) as pool:
        futures = [pool.submit(job, each) for each in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise AidSimError(
                "a worker process was killed, perhaps for want of memory;"
                " what is finished stays, go on with --resume and fewer --workers"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
