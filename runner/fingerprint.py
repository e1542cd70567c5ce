"""What identifies an embedder's vectors: everything that changes them, and nothing that does not."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any

from components.base import Embedder

# Arguments by these names change how fast vectors come, not what they are.
NEUTRAL = frozenset(
    "batch_size device devices n_jobs n_process num_workers show_progress_bar verbose "
    "concurrency timeout max_retries".split()
)


def fingerprint(embedder: Embedder, node: dict[str, Any]) -> dict[str, Any]:
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
        "source": _source_hash(type(embedder)),
    }


def _source_hash(cls: type) -> str | None:
    """sha256 of the file that defines a class, so that an edit there is a new embedder."""
    try:
        return hashlib.sha256(Path(inspect.getfile(cls)).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return None
