"""Fonts for pictures of text in any script, for what matplotlib's own lacks.

The system's come first, then those of the extra `fonts`: packages with the Noto fonts.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

# What to install for the characters of a block: first and last code point, Debian's package.
_PACKAGES = (
    (0x2E80, 0x9FFF, "fonts-noto-cjk"),  # Chinese characters, kana, bopomofo
    (0xAC00, 0xD7FF, "fonts-noto-cjk"),  # Hangul
    (0xF900, 0xFAFF, "fonts-noto-cjk"),
    (0xFF00, 0xFFEF, "fonts-noto-cjk"),
    (0x1F000, 0x1FAFF, "fonts-symbola"),  # emoji
    (0x20000, 0x3FFFF, "fonts-noto-cjk"),
)
_OTHER = "fonts-noto-core"

_FONT_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")  # of the extra `fonts`

_warned: set[str] = set()  # packages that a warning named


@contextmanager
def readable(texts: Iterable[str]) -> Iterator[None]:
    """Draw with fonts that have the characters of `texts`, as far as they are installed.

    One warning, not one for each character, says what to install for the others.
    """
    from matplotlib import rc_context

    families, missing = _families(frozenset("".join(texts)))
    if missing:
        _warn(missing)
    with rc_context({"font.family": list(families)}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


@cache
def _families(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[int]]:
    """Families, matplotlib's own first, and the code points that none of them has."""
    from matplotlib.font_manager import findfont, fontManager

    missing = {ord(character) for character in characters if character.isprintable()}
    missing -= code_points(findfont("DejaVu Sans"))
    families = ["DejaVu Sans"]
    if missing:
        for path in _system_fonts():
            if common := missing & code_points(path):
                fontManager.addfont(path)  # its list of fonts may be older than the font
                if _is_thin(fontManager.ttflist[-1].weight):
                    fontManager.addfont(_regular(path, frozenset(common)))
                families.append(fontManager.ttflist[-1].name)
                missing -= common
            if not missing:
                break
    return tuple(families), frozenset(missing)


@cache
def _system_fonts() -> list[str]:
    """Paths of the installed fonts: regular ones first, sans before serif, then the extra's."""
    from matplotlib.font_manager import findSystemFonts

    def rank(path: str) -> tuple[bool, bool, str]:
        name = Path(path).stem.lower()
        return "regular" not in name, "serif" in name, name

    return sorted(findSystemFonts(), key=rank) + package_fonts()


def package_fonts() -> list[str]:
    """Paths of the fonts in the installed packages of the extra; nothing is imported."""
    specs = filter(None, map(importlib.util.find_spec, _FONT_PACKAGES))
    folders = [Path(folder) for spec in specs for folder in spec.submodule_search_locations or ()]
    return [str(path) for folder in folders for path in sorted(folder.glob("*.[ot]t[fc]"))]


@cache
def code_points(path: str) -> frozenset[int]:
    """The code points that a font has; none where it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # FreeType cannot: a colour font, for one
        return frozenset()


def _is_thin(weight: Any) -> bool:
    return isinstance(weight, int) and weight < 400


def _regular(path: str, points: frozenset[int]) -> str:
    """The same font at regular weight, with these characters alone: a file for this process.

    A font of variable weight is drawn at its lowest by matplotlib. A font that has no other weight
    is returned as it is.
    """
    with cut(path, points) as font:
        if font is None:
            return path
        folder = Path(_folder().name)
        number = len(list(folder.iterdir()))
        for name in (1, 16):  # a family of its own: another picture may need other characters
            font["name"].setName(f"{font['name'].getDebugName(1)} {number}", name, 3, 1, 0x409)
        target = folder / f"{number}.otf"
        font.save(target)
    return str(target)


@contextmanager
def cut(path: str, points: frozenset[int]) -> Iterator[Any]:
    """A `TTFont` of variable weight, cut to these characters and set to regular; else None."""
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer
    from matplotlib.ft2font import FT2Font

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every step
    # Of Noto's faces, which are Japanese, Korean and three Chinese ones, the first or the third.
    is_japanese = any(0x3040 <= point <= 0x30FF for point in points)
    face = 0 if is_japanese else min(2, FT2Font(path).num_faces - 1)
    with TTFont(path, fontNumber=face, lazy=True) as font:
        if "fvar" not in font:
            yield None
            return
        cutter = subset.Subsetter(subset.Options(notdef_outline=True))
        cutter.populate(unicodes=points)
        cutter.subset(font)
        instancer.instantiateVariableFont(font, {"wght": 400}, inplace=True)
        yield font


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="topic-runner-fonts-")


def _warn(missing: frozenset[int]) -> None:
    """One line, however many pictures lack the same packages."""
    packages = {_package(point) for point in missing}
    if packages - _warned:
        _warned.update(packages)
        log.warning(
            "no installed font has %d of the pictures' characters (such as %s), so they are drawn "
            "as boxes. Install one that has: pip install 'topic-runner[fonts]', or on Debian and "
            "Ubuntu: apt install %s",
            len(missing),
            "".join(map(chr, sorted(missing)[:5])),
            " ".join(sorted(packages)),
        )


def _package(point: int) -> str:
    return next((name for low, high, name in _PACKAGES if low <= point <= high), _OTHER)
