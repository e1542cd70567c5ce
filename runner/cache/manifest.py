"""A table's manifest: what its embedder is, when and with which libraries its vectors were made."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.cache import array_file
from runner.terminal.secrets import mask_config

FILE = "manifest.json"


def write(path: Path, about: Mapping[str, Any]) -> None:
    """Write a new manifest, with a generation of its own.

    Parameters
    ----------
    path : Path
        Nobody else may write it at the same time.
    about : mapping
        What the embedder is, as JSON; secrets are masked.
    """
    versions = {
        name: version
        for name, module in sorted(sys.modules.items())
        if isinstance(version := getattr(module, "__dict__", {}).get("__version__"), str)
        and "." not in name
    }
    content = {
        **about,
        "generation": uuid.uuid4().hex,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": sys.version.split()[0], **versions},
    }
    with array_file.replacing(path) as stream:
        stream.write(json.dumps(mask_config(content), indent=2).encode())


def generation(path: Path) -> str | None:
    """What tells this manifest from all that were ever written; None where there is none."""
    try:
        return str(json.loads(path.read_bytes())["generation"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
