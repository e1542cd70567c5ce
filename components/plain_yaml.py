"""YAML that may come from somebody else, read as plain values, and only so many of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MAX_BYTES, MAX_VALUES, MAX_DEPTH = 5_000_000, 100_000, 100


def read(path: Path) -> Any:
    """The content of a YAML file.

    A few lines of anchors can stand for billions of values, and brackets for any depth: what is
    larger than a config would be is refused before anything walks through it.

    Raises
    ------
    ValueError
        When it is not YAML of plain values, or too large.
    OSError
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES // 10**6} MB")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error).partition("\n")[0]) from None
    values, depth, level = 1, 0, [content]
    while level:
        inner: list[Any] = []
        for node in level:
            if isinstance(node, dict | list):
                inner += node.values() if isinstance(node, dict) else node
            if values + len(inner) > MAX_VALUES:
                raise ValueError(f"it holds more than {MAX_VALUES:,} values")
        values, depth, level = values + len(inner), depth + 1, inner
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
    return content
