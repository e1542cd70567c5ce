"""What a config that may come from somebody else asks for: permissions, places, servers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runner.config.problems import Problem

_REFERENCE = re.compile(r"(?<!\\)\$\{[A-Za-z0-9_.\[\]-]+\}")
# Keys that say where documents are sent: openai_api_base is LangChain's.
_SERVER = re.compile("(url|uri|address|endpoint|host|base|proxy)$")
_HERE = ("localhost", "127.0.0.1", "::1")


def items(node: Any) -> Iterable[tuple[Any, Any]]:
    """Keys and values of a dict, numbers and values of a list, nothing of anything else."""
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Path, last key and value of everything in a config that holds nothing else."""
    for key, value in items(node):
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict | list):
            yield from leaves(value, where)
        else:
            yield where, str(key), value


def targets(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and node of everything that is to be built, the whole before its parts."""
    if isinstance(node, dict) and "_target_" in node:
        yield path, node
    for key, value in items(node):
        yield from targets(value, f"{path}.{key}")


def plain_references_only(node: Any) -> Iterator[Problem]:
    """Interpolations that are more than a reference to another key, as `${oc.env:...}`."""
    for where, _, value in _texts(node):
        if "${" in _REFERENCE.sub("", value):
            yield Problem(
                where,
                f"{value[:200]!r} is not resolved: a recorded config is data, and holds values.",
            )


def references(node: Any, path: str) -> Iterator[Problem]:
    """Interpolations of any kind."""
    for where, _, value in _texts(node, path):
        if "${" in value:
            yield Problem(where, f"{value[:200]!r} is a reference, and a saved config has none.")


def trust_keys(node: Any, path: str = "") -> Iterator[str]:
    """Paths of the `trust_...` keys that are not off."""
    for key, value in items(node):
        where = f"{path}.{key}" if path else str(key)
        if str(key).startswith("trust_") and value not in (False, None, "???"):
            yield where
        yield from trust_keys(value, where)


def servers(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Paths and addresses of the servers on other machines, to which documents would be sent.

    Also those from which a program would be loaded, as TensorFlow does: any address that is not
    the publisher of `embedder=use`.
    """
    for where, key, value in _texts(node, path):
        named = "://" in value and not value.startswith(("pkg://", "https://tfhub.dev/google/"))
        if (named or _SERVER.search(key)) and _is_elsewhere(value):
            yield where, value


def programs(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Paths and folders of TensorFlow models, whose graphs can read and write files."""
    for where, key, value in _texts(node, path):
        if key == "model" and _exists(value) and any(Path(value).glob("saved_model.pb*")):
            yield where, value


def places(node: Any) -> Iterator[tuple[str, str]]:
    """Paths and values of the files, folders and addresses that a config names."""
    for where, key, value in _texts(node):
        if _is_place(key, value):
            yield where, value


def _texts(node: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(node, str):  # a config that is one text
        yield path, path.rpartition(".")[2], node
    for where, key, value in leaves(node, path):
        if isinstance(value, str):
            yield where, key, value


def _is_place(key: str, value: str) -> bool:
    if value.startswith("pkg://") or not any(map(str.isalnum, value)):
        return False
    if "://" in value or value.startswith(("/", "~", "./", "../")) or key.endswith("path"):
        return True
    return bool(_SERVER.search(key)) or _exists(value)


def _exists(value: str) -> bool:
    try:
        return Path(value).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def _is_elsewhere(value: str) -> bool:
    """Whether an address is that of another machine.

    Libraries do not agree on what a backslash or a blank in one means.
    """
    try:
        host = urlsplit(value if "//" in value else f"//{value}").hostname
    except ValueError:
        return True
    return host not in _HERE or bool(re.search(r"[\\\s@]", value))
