"""Code that a folder of weights brings, or names.

sentence-transformers imports the classes that a folder's `modules.json` names, without
`trust_remote_code` where the folder is a local one (before version 6), and what is in the hub's
cache is one.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.base import ParameterError

_LIBRARYS = re.compile(r"sentence_transformers(\.[a-z]\w*)*\.[A-Z]\w*")  # a class of its own
_FILES = ("modules.json", "router_config.json", "wordembedding_config.json")


def check_no_own_code(model: str, folder: str) -> None:
    """Refuse a folder that names classes other than the library's own.

    Parameters
    ----------
    model : what the user called it
    folder : where it lies; anything but a folder passes

    Raises
    ------
    ParameterError
        For `model`.
    """
    for file, name in own_code(folder):
        raise ParameterError(
            "model",
            model,
            f"its {file} names {name[:100]!r}, which is not a class of sentence-transformers but "
            "code that comes with the model. If you trust where it is from, use "
            "sentence_transformer, and set trust_remote_code=true.",
        )


@contextmanager
def refused_imports() -> Iterator[None]:
    """Make the library's warning an error: version 5 says that it imports code, and imports it.

    It does so for a name on the hub too, with whatever class of an installed package, or of the
    working folder, the model names.
    """
    with warnings.catch_warnings():
        for message in ("The model .* references the module class", "Loading custom module"):
            warnings.filterwarnings("error", f"(?s){message}", FutureWarning)
        yield


def own_code(folder: str) -> Iterator[tuple[str, str]]:
    """The classes that a folder names and that are not the library's: file, dotted name."""
    for file, content in _contents(folder, *_FILES):
        for dotted in _classes(content):
            if not _LIBRARYS.fullmatch(dotted):
                yield file, dotted


def check_no_kernel(model: str, folder: str) -> None:
    """Refuse weights whose `config.json` names a kernel of the hub.

    Where the package `kernels` is installed, transformers 4 loads its native code unasked,
    whatever `attn_implementation` it is called with.

    Parameters
    ----------
    model : what the user called it
    folder : where it lies; anything but a folder passes

    Raises
    ------
    ParameterError
        For `model`.
    """
    for file, content in _contents(folder, "config.json"):
        for key, value in _kernels(content):
            raise ParameterError(
                "model",
                model,
                f"its {file} sets {key} to {value[:100]!r}, which is native code of a hub. If you "
                "do not need it, remove that key from the file.",
            )


def _contents(folder: str, *names: str) -> Iterator[tuple[str, Any]]:
    """The JSON files of these names, at any depth: path inside the folder, and content."""
    for name in names:
        for path in sorted(Path(folder).rglob(name)):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):  # as the library will say
                continue
            yield path.relative_to(folder).as_posix(), content


def _kernels(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Keys and values of a model's config that name a kernel by its address on a hub."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _kernels(value, key if "attn_implementation" in key else str(name))
    elif isinstance(node, str) and "attn_implementation" in key and "/" in node:
        yield key, node


def _classes(content: Any) -> Iterator[str]:
    if isinstance(content, list):  # modules.json
        yield from (str(module.get("type")) for module in content if isinstance(module, dict))
    elif isinstance(content, dict):
        types = content.get("types")
        yield from map(str, types.values() if isinstance(types, dict) else ())
        if "tokenizer_class" in content:
            yield str(content["tokenizer_class"])
