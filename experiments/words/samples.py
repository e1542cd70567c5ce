"""Texts in six languages from Debian packages, one document a line.

`apt-get download` fetches the packages and `dpkg-deb` unpacks them; nothing is installed.
"""

from __future__ import annotations

import gettext
import gzip
import html
import random
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

LONGEST = 1500  # characters of a document
LARGEST = 1200  # documents of a sample


SOURCES = {
    "de": ("manpages-de", "usr/share/man/de"),
    "zh": ("manpages-zh", "usr/share/man/zh_CN"),
    "ja": ("manpages-ja", "usr/share/man/ja"),
    "hi": ("libreoffice-help-hi", "usr/share/libreoffice/help/hi/text"),
    "ar": ("libreoffice-l10n-ar", "usr/lib/libreoffice/program/resource/ar"),
    "th": ("libreoffice-l10n-th", "usr/lib/libreoffice/program/resource/th"),
}
"""Of each language, a package and a folder in it."""


def write(folder: Path, languages: Iterable[str]) -> dict[str, Path]:
    """Make `de.txt` and so on in `folder`, where they are missing."""
    readers = {
        "manpages": _man_pages,
        "libreoffice-help": _help_pages,
        "libreoffice-l10n": _messages,
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for language in languages:
        package, root = SOURCES[language]
        read = readers[package.rpartition("-")[0]]
        paths[language] = folder / f"{language}.txt"
        if not paths[language].exists():
            with tempfile.TemporaryDirectory() as temporary:
                documents = list(read(_unpacked(package, Path(temporary)) / root))[:LARGEST]
            paths[language].write_text("\n".join(documents) + "\n", encoding="utf-8")
    return paths


def _unpacked(package: str, folder: Path) -> Path:
    subprocess.run(["apt-get", "-qq", "download", package], cwd=folder, check=True)
    (archive,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, folder / "root"], check=True)
    return folder / "root"


def _man_pages(root: Path) -> Iterator[str]:
    """The text of each manual page from its description on."""
    for path in sorted(root.rglob("man[1-8]/*.gz")):
        if path.is_symlink():
            continue
        lines = gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
        text = " ".join(line for line in lines if line and line[0] not in ".'")
        text = re.sub(r"\\f.|\\\*\(..|\\\(..|\\[&|^/%c]", "", text).replace("\\-", "-")
        if len(text) > 200:
            yield text.replace("\\", "")[:LONGEST]


def _help_pages(root: Path) -> Iterator[str]:
    """The paragraphs in Devanagari of each help page; the rest is not translated."""
    for path in sorted(root.rglob("*.html")):
        body = path.read_text(encoding="utf-8").partition('id="DisplayArea"')[2]
        paragraphs = re.findall(r"<(?:p|h\d)\b[^<>]*>(.*?)</(?:p|h\d)>", body, re.S)
        plain = [" ".join(html.unescape(re.sub(r"<[^<>]*>", " ", p)).split()) for p in paragraphs]
        text = " ".join(filter(_is_devanagari, plain))
        if len(text) > 150:
            yield text[:LONGEST]


def _messages(root: Path) -> Iterator[str]:
    """Sentences that a program shows, in random order, less markup and placeholders."""
    texts = set()
    for path in sorted(root.rglob("*.mo")):
        with path.open("rb") as file:
            translated = gettext.GNUTranslations(file)._catalog.values()  # type: ignore[attr-defined]
        plain = (re.sub(r"<[^>]*>|[~_%$]\w*", " ", text) for text in map(str, translated))
        texts |= {" ".join(text.split()) for text in plain if _is_foreign(text)}
    yield from random.Random(0).sample(sorted(texts), len(texts))


def _is_foreign(text: str) -> bool:
    """Whether 30 letters and more are Arabic or Thai."""
    return len(re.findall("[\u0600-\u06ff\u0e00-\u0e7f]", text)) > 30


def _is_devanagari(text: str) -> bool:
    return len(re.findall("[\u0900-\u097f]", text)) > 0.5 * sum(map(str.isalpha, text))
