"""Finding files and folders, and reading text, with an error for whatever can be wrong."""

from __future__ import annotations

import codecs
import difflib
import glob
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO, cast

from components.base import ParameterError, UserError
from components.datasets.base import ByteBudget

# A byte order mark names the encoding, whatever was configured. UTF-32's little-endian mark begins
# with UTF-16's.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Which bytes of each four are zero in Latin text that has no mark.
ZEROS = {"1010": "utf-16-le", "0101": "utf-16-be", "1000": "utf-32-le", "0001": "utf-32-be"}
# First bytes of formats that are easily taken for a text file.
SIGNATURES = {
    b"PAR1": "It is a Parquet file: type dataset=parquet.",
    b"PK\x03\x04": "It is a zip archive, or an Excel workbook: unpack it, or save it as CSV.",
    b"BZh": "It is compressed with bzip2: decompress it, or compress it with gzip.",
    b"\xfd7zXZ\x00": "It is compressed with xz: decompress it, or compress it with gzip.",
    b"\x28\xb5\x2f\xfd": "It is compressed with zstd: decompress it, or compress it with gzip.",
    b"\xd0\xcf\x11\xe0": "It is an old Excel workbook: save it as CSV.",
    b"%PDF": "It is a PDF: extract its text first.",
    b"SQLite f": "It is an SQLite database: export the table as CSV.",
    b"ARROW1": "It is an Arrow (Feather) file: write the table as Parquet.",
    b"FEA1": "It is an old Feather file: write the table as Parquet.",
}
TABLES = {"csv", "tsv", "jsonl", "ndjson", "json"}  # names of files that are likely meant
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def locate(path: str, kind: Literal["file", "folder", "either"]) -> Path:
    """Absolute path of an existing file or folder; `~` is the home folder.

    Raises
    ------
    ParameterError
        With the absolute path that was tried, and the nearest name beside it; also for a pipe or
        a device, which may never end, for an address and for a pattern.
    """
    try:
        absolute = Path(path).expanduser().absolute()
        if (absolute.is_file() and kind != "folder") or (absolute.is_dir() and kind != "file"):
            return absolute
        exists = absolute.exists()
    except (RuntimeError, OSError, ValueError) as error:  # ~nobody, too long a name, a NUL
        raise ParameterError("path", path, f"{error}.") from error
    if exists:
        if not absolute.is_file() and not absolute.is_dir():
            reason = "is a pipe or a device, which may never end. Write it to a file first."
        else:
            is_a, needs = ("folder", "file") if absolute.is_dir() else ("file", "folder")
            reason = f"is a {is_a}, and this data set needs a {needs}.{_instead(absolute)}"
        raise ParameterError("path", path, f"{absolute} {reason}")
    if _ADDRESS.match(path):
        reason = "is an address, and files are read from disks: copy it to one, and name the copy."
        raise ParameterError("path", path, reason)
    if found := _number_matching(path):
        what = "join them" if kind == "file" else "name the folder that they lie in, or join them"
        reason = f"is a pattern, of {found} files or folders here, and must be one: {what}."
        raise ParameterError("path", path, reason)
    near: list[str] = []
    if absolute.parent.is_dir():
        siblings = [sibling.name for sibling in absolute.parent.iterdir()]
        near = difflib.get_close_matches(absolute.name, siblings, 1)
    hint = f"Did you mean {absolute.parent / near[0]}?" if near else "Check the path"
    raise ParameterError(
        "path",
        path,
        f"{absolute} does not exist. {hint}"
        f"{' A' if near else ': a'} relative path starts at the folder you run from.",
    )


def _instead(path: Path) -> str:
    """Which file of a folder, or the folder of which file, to name; empty for an empty folder."""
    if not path.is_dir():
        return f" Name the folder that it lies in: {path.parent}"
    try:
        names = [file.name for file in path.iterdir() if file.is_file() and file.name[0] != "."]
    except OSError:
        return ""
    tables = [name for name in names if TABLES & set(name.lower().split(".")[1:])]
    if not names:
        return ""
    which = "the file in it:" if len(names) == 1 else "a file in it, such as"
    return f" Name {which} {path / min(tables or names)}"


def _number_matching(pattern: str) -> int:
    """How many paths a pattern with `*`, `?` or `[]` matches, as a shell would expand it."""
    expanded = Path(pattern).expanduser()
    return len(glob.glob(str(expanded), recursive=True)) if glob.has_magic(pattern) else 0


def advice(head: bytes) -> str | None:
    """What to do with a file that begins like another format; None for any other."""
    return next((text for start, text in SIGNATURES.items() if head.startswith(start)), None)


def begins_json(text: str) -> bool:
    """Whether a text begins as JSON Lines or an array of objects does, and no header of a CSV."""
    return text.lstrip()[:1] in ("{", "[")


def files_below(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files in `folder` and below it with one of the `suffixes`, sorted; hidden ones are left out.

    Raises
    ------
    ParameterError
        When there is none.
    """
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith(suffixes)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
    if not files:
        reason = f"the folder holds no file that ends in {', '.join(suffixes)}."
        raise ParameterError("path", folder, reason)
    return files


def folder_labels(files: list[Path], root: Path) -> list[str]:
    """For each file its folder, relative to `root`, as in `animals/cat`."""
    for file in files:
        if file.parent == root:
            raise ParameterError(
                "label",
                "folder",
                f"{file} lies in no subfolder, so it has no label. Move it into one, or set label "
                "to null.",
            )
    return [file.parent.relative_to(root).as_posix() for file in files]


def check_encoding(encoding: str) -> None:
    """Raise a `ParameterError` unless Python knows the encoding."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    except (LookupError, ValueError) as error:
        raise ParameterError(
            "encoding",
            encoding,
            "there is no such text encoding. Python's are accepted, such as utf-8, cp1252, utf-16, "
            "gb18030 or shift_jis.",
        ) from error


@contextmanager
def open_text(
    path: Path, encoding: str, newline: str | None = None, budget: ByteBudget | None = None
) -> Iterator[TextIO]:
    """Open a text file, compressed with gzip or not. `newline` is that of `open`.

    A byte order mark decides the encoding, and so do the zero bytes of UTF-16 and UTF-32 where
    UTF-8 is expected. `budget` counts the decompressed bytes.

    Raises
    ------
    UserError
        Here or while the caller reads: a file that cannot be read, a damaged archive, bytes that
        are not text in `encoding` (the message names the byte, the line and a way out), more
        bytes than the budget.
    """
    actual = encoding
    try:
        with path.open("rb") as raw:
            stream = _unpacked(raw)
            actual = _encoding(stream.peek(4096), encoding)
            if budget is not None:
                stream = io.BufferedReader(_Counted(stream, budget), 1 << 16)
            yield io.TextIOWrapper(stream, encoding=actual, newline=newline)
    except UnicodeError as error:
        raise _undecodable(path, encoding, actual) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path} is damaged: {error}. It is compressed with gzip, and was perhaps not copied "
            "to the end: copy it again."
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


def _encoding(head: bytes, encoding: str) -> str:
    """The codec to use for a file that begins with `head`."""
    for mark, codec in MARKS.items():
        if head.startswith(mark):
            return codec
    if codecs.lookup(encoding).name == "utf-8" and len(head) >= 8:
        # Where in each four bytes of mostly Latin text zeros are, and where never.
        share = [head[place::4].count(0) / len(head[place::4]) for place in range(4)]
        pattern = "".join("0" if zeros > 0.5 else "1" if zeros == 0 else "?" for zeros in share)
        return ZEROS.get(pattern, encoding)
    return encoding


def _unpacked(raw: BinaryIO) -> io.BufferedReader:
    """The bytes of a file, decompressed where they are gzip (by its first bytes, not its name)."""
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    stream = gzip.GzipFile(fileobj=raw) if packed else raw
    return io.BufferedReader(cast(Any, stream), 1 << 16)


class _Counted(io.RawIOBase):
    """A stream whose bytes are counted."""

    def __init__(self, stream: io.BufferedReader, budget: ByteBudget) -> None:
        self.stream = stream
        self.budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        n = self.stream.readinto(buffer)
        self.budget.add(n)
        return n


def _undecodable(path: Path, typed: str, encoding: str) -> UserError:
    """Why a file is not text in `encoding`, and what to do, by reading it once more."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read, lines, head, where = 0, 1, b"", ""
    with path.open("rb") as raw:
        stream = _unpacked(raw)
        while True:
            chunk = stream.read(1 << 20)
            read += len(chunk)
            head = head or chunk[:8]
            try:
                lines += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                # What the decoder was given ends where reading has come to.
                start = read - len(error.object) + error.start
                lines += error.object[: error.start].decode(encoding, "replace").count("\n")
                where = f" at byte {start} (0x{error.object[error.start]:02x}), line {lines}"
                break
            except UnicodeError as error:  # UTF-16 without a byte order mark
                where = f" ({error})"
                break
            if not chunk:
                break
    if what := advice(head):
        return UserError(f"{path} is not text. {what}")
    wrong = f"{path} is not {encoding.removesuffix('-sig')} text{where}."
    sound, broken = _lines_in_utf8(path) if encoding.startswith("utf-8") else (0, 0)
    if sound * 10 > broken:
        return ParameterError(
            "encoding",
            typed,
            f"{wrong} Only a part of it is not: of its lines beyond plain English letters, "
            f"{broken:,} are not UTF-8 and {sound:,} are, which another encoding would garble. "
            "Convert those that are not; iconv -f utf-8 -t utf-8 -c OLD > NEW leaves out the "
            "letters that are wrong.",
        )
    return ParameterError(
        "encoding",
        typed,
        f"{wrong} Set its encoding: cp1252 for most files from Windows in western languages, "
        "else such as utf-8, utf-16, gb18030, shift_jis or cp1251.",
    )


def _lines_in_utf8(path: Path) -> tuple[int, int]:
    """How many lines beyond ASCII are UTF-8, and how many are not, of the first 64 MB."""
    counts = {True: 0, False: 0}
    with path.open("rb") as raw, suppress(EOFError, zlib.error, OSError):
        stream, read = _unpacked(raw), 0
        while read < 1 << 26 and (line := stream.readline(1 << 20)):
            read += len(line)
            if not line.isascii():
                counts["\ufffd" not in line.decode("utf-8", "replace")] += 1
    return counts[True], counts[False]
