"""Every word and name that commands are made of."""

from typing import Any

from .variant import Variant


def vocabulary(variant: Variant) -> dict[str, Any]:
    """Words (all, and those that only held-out sentences use), names, and sentences by family."""
    objects = [f"{colour} {shape}" for colour in variant.object_colours for shape in variant.shapes]
    plates = [f"{colour} plate" for colour in variant.plate_colours]
    names = {word for name in objects + plates for word in name.split()}
    train = names | _words(s for wordings in variant.wordings.values() for s in wordings.train)
    held = _words(s for wordings in variant.wordings.values() for s in wordings.held_out)
    return {
        "variant": variant.name,
        "words": sorted(train | held),
        "heldOutOnlyWords": sorted(held - train),
        "objects": objects,
        "plates": plates,
        "families": {
            family: {"train": list(wordings.train), "heldOut": list(wordings.held_out)}
            for family, wordings in variant.wordings.items()
        },
    }


def _words(sentences: Any) -> set[str]:
    return {word for s in sentences for word in s.split() if not word.startswith("{")}
