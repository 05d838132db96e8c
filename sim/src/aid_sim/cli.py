"""The command line: `aid-sim episodes | outcomes | frame | sheet | vocabulary`."""

import ctypes.util
import json
import re
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from . import __version__
from .errors import AidSimError

MAX_SIDE = 1024
MIN_SIDE = 16


class Seeds(click.ParamType):
    """`A:B`: the seeds A, A+1, ... B-1."""

    name = "A:B"

    def convert(self, value: Any, param: Any, ctx: Any) -> range:
        """Parses the range."""
        if isinstance(value, range):
            return value
        match = re.fullmatch(r"(\d{1,9}):(\d{1,9})", value)
        if not match or int(match[1]) >= int(match[2]):
            self.fail(f"expected A:B with 0 <= A < B, got {value!r}", param, ctx)
        return range(int(match[1]), int(match[2]))


class Size(click.ParamType):
    """`N` or `WxH` in pixels."""

    name = "N|WxH"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Parses the size."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", value)
        size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not all(MIN_SIDE <= side <= MAX_SIDE for side in size):
            self.fail(
                f"expected N or WxH with sides of {MIN_SIDE}..{MAX_SIDE}, got {value!r}", param, ctx
            )
        return size


def _variant_option(command: Any) -> Any:
    return click.option(
        "--variant",
        type=click.Path(path_type=Path),
        help="TOML or JSON file that changes the table.",
    )(command)


_SEEDS = click.option("--seeds", type=Seeds(), required=True, help="Seeds A..B-1.")
_SIZE = click.option("--size", type=Size(), default="128", show_default=True, help="Pixels.")
_FPS = click.option(
    "--fps", type=click.FloatRange(1, 25), default=5.0, show_default=True, help="Frames a second."
)
_WORKERS = click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes."
)
_RESUME = click.option("--resume", is_flag=True, help="Go on with what --out already holds.")
_OUT_DIR = click.option("--out", type=click.Path(path_type=Path), required=True)


@click.group(context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="aid-sim")
def app() -> None:
    """A Bridge-style tabletop in MuJoCo."""


@app.command()
@_SEEDS
@click.option(
    "--takes",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Commands of each seed: its own first, then others of the same scene.",
)
@click.option(
    "--by-shape",
    is_flag=True,
    help="Only commands with an object whose colour another one has, so that its shape tells it.",
)
@_OUT_DIR
@_SIZE
@_FPS
@_WORKERS
@_RESUME
@_variant_option
def episodes(
    seeds: range,
    takes: int,
    by_shape: bool,
    out: Path,
    size: tuple[int, int],
    fps: float,
    workers: int,
    resume: bool,
    variant: Path | None,
) -> None:
    """Record each seed's command, or several, as MCAP bags, and a manifest.json."""
    from .episodes import Recording, record_episodes
    from .variant import load_variant

    recording = Recording(out, *size, fps, load_variant(variant), by_shape)
    manifest = record_episodes(recording, seeds, takes, workers, resume)
    click.echo(
        f"{out}: {manifest['kept']} episodes, {manifest['dropped']} dropped"
        f" {json.dumps(manifest['droppedByReason'])}"
    )


@app.command()
@_SEEDS
@_OUT_DIR
@_SIZE
@_FPS
@click.option(
    "--frames",
    type=click.Choice(["all", "last"]),
    default="all",
    show_default=True,
    help="last: only first and last frame of commands that are not the seed's own.",
)
@_WORKERS
@_RESUME
@_variant_option
def outcomes(
    seeds: range,
    out: Path,
    size: tuple[int, int],
    fps: float,
    frames: str,
    workers: int,
    resume: bool,
    variant: Path | None,
) -> None:
    """Record the true outcome of every command possible in each scene, and a scenes.json."""
    from .episodes import Recording
    from .outcomes import record_scenes
    from .variant import load_variant

    recording = Recording(out, *size, fps, load_variant(variant))
    summary = record_scenes(recording, seeds, frames == "last", workers, resume)
    click.echo(
        f"{out}: {summary['kept']} scenes, {summary['skipped']} skipped"
        f" {json.dumps(summary['skippedByReason'])},"
        f" stand-ins {json.dumps(summary['standInsByKind'])}"
    )


@app.command()
@click.option("--seed", type=click.IntRange(0, 10**9 - 1), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A PNG or JPEG file.")
@click.option("--size", type=Size(), default="640x480", show_default=True, help="Pixels.")
@_variant_option
def frame(seed: int, out: Path, size: tuple[int, int], variant: Path | None) -> None:
    """Draw a scene's first camera frame and print its possible commands as a JSON line."""
    from .snapshot import first_frame
    from .variant import load_variant

    picture, description = first_frame(seed, *size, load_variant(variant))
    _save(picture, out)
    click.echo(json.dumps(description))


@app.command()
@_SEEDS
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A PNG or JPEG file.")
@_SIZE
@_FPS
@_variant_option
def sheet(seeds: range, out: Path, size: tuple[int, int], fps: float, variant: Path | None) -> None:
    """Draw a contact sheet: a row of eight frames for each seed's episode."""
    from .contact_sheet import contact_sheet
    from .variant import load_variant

    if len(seeds) > 100:
        raise AidSimError(f"--seeds: expected at most 100 for a sheet, got {len(seeds)}")
    _save(contact_sheet(seeds, *size, fps, load_variant(variant)), out)


@app.command()
@_variant_option
def vocabulary(variant: Path | None) -> None:
    """Print every word, name and sentence of the commands as JSON."""
    from .variant import load_variant
    from .vocabulary import vocabulary as words

    click.echo(json.dumps(words(load_variant(variant)), indent=1))


def _save(picture: Any, out: Path) -> None:
    import io

    from .whole_files import write_atomically

    formats = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
    if out.suffix.lower() not in formats:
        raise AidSimError(f"--out {out}: expected a name that ends in .png or .jpg")
    if not out.parent.is_dir():
        raise AidSimError(f"--out {out}: no such directory: {out.parent}")
    buffer = io.BytesIO()
    picture.save(buffer, formats[out.suffix.lower()])
    write_atomically(out, buffer.getvalue())


def _stop(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point: one line per error, and an exit status."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        drawing = {"episodes", "outcomes", "frame", "sheet"}
        if drawing & set(sys.argv[1:2]) and not ctypes.util.find_library("OSMesa"):
            raise AidSimError(
                "OSMesa is missing: run sim/setup.sh, or install the package libosmesa6"
                " (Mesa 25.1 and newer has none)"
            )
        app(prog_name="aid-sim", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except AidSimError as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(str(error), 1)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted; what is finished stays, go on with --resume", 130)


def _fail(message: str, status: int) -> NoReturn:
    line = " ".join(message.split())
    print(f"aid-sim: error: {line}", file=sys.stderr)
    sys.exit(status)
