"""The rules of CSS that pages share."""

from __future__ import annotations

from pathlib import Path


def read_style(name: str) -> str:
    """The rules of `templates/NAME.css`; those take the colours of the page by its variables."""
    return (Path(__file__).parent / "templates" / f"{name}.css").read_text(encoding="utf-8")
