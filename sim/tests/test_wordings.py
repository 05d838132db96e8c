import pytest

from aid_sim.commands import FAMILIES, Command, instruct
from aid_sim.variant import load_variant
from aid_sim.vocabulary import vocabulary

VARIANT = load_variant()


@pytest.mark.parametrize("family", FAMILIES)
def test_training_and_held_out_sentences_are_disjoint(family):
    wordings = VARIANT.wordings[family]
    assert len(wordings.train) >= 6
    assert len(wordings.held_out) >= 2
    everything = [s for each in VARIANT.wordings.values() for s in (*each.train, *each.held_out)]
    assert len(set(everything)) == len(everything)


def test_held_out_sentences_use_words_of_training_only():
    assert vocabulary(VARIANT)["heldOutOnlyWords"] == []


def test_held_out_wordings_are_used_only_on_request():
    command = Command("put", "red cube", "blue plate")
    train = {instruct(seed, command, VARIANT).text for seed in range(300)}
    held_out = {instruct(seed, command, VARIANT, held_out=True).text for seed in range(300)}
    assert len(train) == len(VARIANT.wordings["put"].train)
    assert len(held_out) == len(VARIANT.wordings["put"].held_out)
    assert not train & held_out


def test_the_vocabulary_covers_every_instruction():
    words = set(vocabulary(VARIANT)["words"])
    for family in FAMILIES:
        target = None if family.startswith("push") else "pink plate"
        command = Command(family, "purple cylinder", target)
        for held_out in (False, True):
            assert set(instruct(1, command, VARIANT, held_out).text.split()) <= words
