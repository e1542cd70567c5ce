"""Keeping secrets out of configs, logs and tracking.

Backends read their keys from the environment. What looks like a secret in a config is refused
before anything is written; what may still slip through is masked wherever text leaves the run.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any

MASK = "***"
_WORDS = r"(?:api[_-]?key|secret|password|passwd|credential|auth[_-]?token|access[_-]?token)"
_SECRET_KEY = re.compile(rf"(?:^|[_.-]){_WORDS}|^token$|_token$", re.IGNORECASE)
_SECRET_NAME = re.compile(rf"{_WORDS}|TOKEN|_KEY$|^KEY$", re.IGNORECASE)
# Keys as the providers issue them, and a password inside an address.
_SECRET_VALUE = re.compile(
    r"\b(?:sk-[\w-]{16,}|hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{12,}"
    r"|xox[abpr]-[\w-]{10,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})"
)
_PASSWORD_IN_ADDRESS = re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]+)@")


def is_secret_key(key: str) -> bool:
    """Whether a config key by this name would hold a secret."""
    return bool(_SECRET_KEY.search(key))


def is_secret(key: str, value: str) -> bool:
    """Whether a config value is a secret: by its key, its form, or as one of the environment's."""
    return bool(value) and (is_secret_key(key) or mask(value) != value)


def mask(text: str) -> str:
    """`text` with every secret in it replaced by `***`."""
    for value in _environment_secrets():
        text = text.replace(value, MASK)
    text = _SECRET_VALUE.sub(MASK, text)
    return _PASSWORD_IN_ADDRESS.sub(rf"\1:{MASK}@", text)


def _environment_secrets() -> list[str]:
    """Values of the environment's secret variables, longest first; short ones are no secrets."""
    values = {v for k, v in os.environ.items() if _SECRET_NAME.search(k) and len(v) >= 8}
    return sorted(values, key=len, reverse=True)


def mask_config(node: Any, key: str = "") -> Any:
    """A plain config (dicts, lists, scalars) without its secrets."""
    if isinstance(node, dict):
        return {k: mask_config(v, str(k)) for k, v in node.items()}
    if isinstance(node, list):
        return [mask_config(v, key) for v in node]
    if isinstance(node, str):
        return MASK if node and is_secret_key(key) else mask(node)
    return node


class MaskingFormatter(logging.Formatter):
    """A log formatter that masks secrets, those in tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))
