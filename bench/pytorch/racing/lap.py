"""One race: a function timed again and again, on the driver's word or alone."""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from aid_reference.model_folder import Model, open_model

Lap = Callable[[], object]


def parser_for(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder, or JSON configs (random weights)")
    parser.add_argument("--threads", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--warmup", type=int, default=2, help="untimed repetitions first; default: %(default)s")
    parser.add_argument("--repeat", type=int, help="run alone, so often; without it a line on stdin is one repetition")
    return parser


def race(arguments: argparse.Namespace, prepare: Callable[[Model], tuple[Lap, dict[str, Any]]]) -> None:
    """Loads, warms up, then times.

    Alone (`--repeat`): prints one JSON line with the median and the least. Driven: prints a line
    `{"ready": true, ...}`, then one `{"ms": ..., "cpu_ms": ...}` for every line that comes in, until the input ends.
    """
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    started = time.perf_counter()
    lap, facts = prepare(open_model(arguments.model))
    facts = {**facts, "load_ms": _ms_since(started), "threads": arguments.threads, "torch": torch.__version__}
    for _ in range(arguments.warmup):
        lap()
    if arguments.repeat is not None:
        times = [_time(lap) for _ in range(arguments.repeat)]
        spread = {"median_ms": round(statistics.median(times), 3), "min_ms": min(times), "repeat": arguments.repeat}
        _say({**facts, **spread, "peak_rss_mb": peak_rss_mb()})
        return
    _say({"ready": True, **facts})
    for _line in sys.stdin:
        before = time.process_time()
        ms = _time(lap)
        cpu_ms = round((time.process_time() - before) * 1e3, 3)
        _say({"ms": ms, "cpu_ms": cpu_ms, "peak_rss_mb": peak_rss_mb()})


def peak_rss_mb() -> float:
    """Linux counts ru_maxrss in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def _time(lap: Lap) -> float:
    started = time.perf_counter()
    lap()
    return _ms_since(started)


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1e3, 3)


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)
