"""What identifies an embedder's vectors: all that changes them, and nothing that does not."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from components.base import Embedder

# Arguments by these names change how fast vectors come, not what they are.
NEUTRAL = frozenset(
    "batch_size device devices n_jobs n_process num_workers show_progress_bar verbose "
    "concurrency timeout max_retries".split()
)


def fingerprint(embedder: Embedder, node: Mapping[str, Any]) -> dict[str, Any]:
    """The embedder's own `fingerprint()`; for a class without one, its config and its source.

    Parameters
    ----------
    embedder : the part
    node : the config node that it was built from

    Returns
    -------
    dict that `json.dumps` takes
    """
    own = getattr(embedder, "fingerprint", None)
    if own is not None:
        found: dict[str, Any] = own()
        return found
    return {
        "config": {key: value for key, value in node.items() if key not in NEUTRAL},
        "source": _source_hash(embedder),
    }


def _source_hash(embedder: Embedder) -> str | None:
    """sha256 of the file that defines a class or function, so that an edit is a new embedder."""
    made_from = getattr(embedder, "function", type(embedder))
    if isinstance(made_from, partial):
        made_from = made_from.func
    try:
        return hashlib.sha256(Path(inspect.getfile(made_from)).read_bytes()).hexdigest()
    except (OSError, TypeError):  # built in, or typed into an interpreter
        return None
