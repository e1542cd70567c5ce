"""Answers of language models, which cost money, by a hash of all that they depend on."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path

from runner.cache import disk


class AnswerCache(MutableMapping[str, str]):
    """A mapping of hashes (hex) to texts, one JSON file each; a damaged file is as if missing.

    Parameters
    ----------
    folder : Path
        Several processes may use it at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "answers"

    def __getitem__(self, key: str) -> str:
        path = self._path(key)
        with suppress(OSError, ValueError, TypeError):
            answer = json.loads(path.read_bytes())["answer"]
            if isinstance(answer, str):
                with suppress(OSError):
                    path.touch()  # the time of its last use, for `prune`
                return answer
        raise KeyError(key)

    def __setitem__(self, key: str, value: str) -> None:
        content = json.dumps({"answer": value}).encode()
        with disk.storing(self.folder.parent, len(content)):
            self.folder.mkdir(parents=True, exist_ok=True)
            # Whole or not at all; two processes may write the same answer at once.
            temporary = self.folder / f".{key}.{uuid.uuid4().hex}.tmp"
            temporary.write_bytes(content)
            os.replace(temporary, self._path(key))

    def __delitem__(self, key: str) -> None:
        try:
            self._path(key).unlink()
        except FileNotFoundError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self.folder.glob("[!.]*.json")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
