"""The smallest tokenizer in CLIP's format: every byte is a token, no two are merged."""

import json
from pathlib import Path

from .config import Config

START, END = "<|startoftext|>", "<|endoftext|>"


def write_byte_tokenizer(folder: Path, text_encoder: Config) -> None:
    """Ids: 256 bytes, 256 bytes that end a word; start and end of text are the vocabulary's last two."""
    size = text_encoder["vocab_size"]
    characters = _byte_characters()
    tokens = [*characters, *(c + "</w>" for c in characters)]
    if size < len(tokens) + 2:
        raise ValueError(f"text_encoder.vocab_size: expected at least {len(tokens) + 2}, got {size}")
    vocab = {token: index for index, token in enumerate(tokens)} | {START: size - 2, END: size - 1}
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": text_encoder["max_position_embeddings"]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocab) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(special) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config | special) + "\n")


def _byte_characters() -> list[str]:
    """GPT-2's bytes_to_unicode: visible Latin-1 stands for itself, the other bytes are moved up by 256."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in visible] + [chr(256 + n) for n in range(256 - len(visible))]
