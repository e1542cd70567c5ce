"""Texts in German, Chinese and Hindi from Debian packages, one document a line.

`apt-get download` fetches the packages and `dpkg-deb` unpacks them; nothing is installed.
"""

from __future__ import annotations

import gzip
import html
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

LONGEST = 1500  # characters of a document


def write(folder: Path) -> dict[str, Path]:
    """Make `de.txt`, `zh.txt` and `hi.txt` in `folder`, where they are missing."""
    sources = {
        "de": ("manpages-de", "usr/share/man/de", _man_pages),
        "zh": ("manpages-zh", "usr/share/man/zh_CN", _man_pages),
        "hi": ("libreoffice-help-hi", "usr/share/libreoffice/help/hi/text", _help_pages),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for language, (package, root, read) in sources.items():
        paths[language] = folder / f"{language}.txt"
        if not paths[language].exists():
            with tempfile.TemporaryDirectory() as temporary:
                documents = list(read(_unpacked(package, Path(temporary)) / root))
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


def _is_devanagari(text: str) -> bool:
    return len(re.findall("[\u0900-\u097f]", text)) > 0.5 * sum(map(str.isalpha, text))
