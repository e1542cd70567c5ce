"""Finding files and folders, and reading text, with an error for whatever can be wrong."""

from __future__ import annotations

import codecs
import difflib
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast

from components.base import UserError

# First bytes of formats that are easily taken for a text file.
SIGNATURES = {
    b"\xff\xfe": "It is UTF-16: type dataset.encoding=utf-16.",
    b"\xfe\xff": "It is UTF-16: type dataset.encoding=utf-16.",
    b"PAR1": "It is a Parquet file: type dataset=parquet.",
    b"PK\x03\x04": "It is a zip archive, or an Excel workbook: unpack it, or save it as CSV.",
    b"BZh": "It is packed with bzip2: unpack it, or pack it with gzip.",
    b"\xfd7zXZ\x00": "It is packed with xz: unpack it, or pack it with gzip.",
    b"\x28\xb5\x2f\xfd": "It is packed with zstd: unpack it, or pack it with gzip.",
}


def locate(path: str, kind: Literal["file", "folder", "either"]) -> Path:
    """Absolute path of an existing file or folder; `~` is the home folder.

    Raises
    ------
    UserError
        With the absolute path that was tried, and the nearest name beside it.
    """
    try:
        found = Path(path).expanduser().absolute()
    except RuntimeError as error:  # ~someone who has no home
        raise UserError(f"dataset.path={path}: {error}") from error
    if (
        found.is_file()
        if kind == "file"
        else found.is_dir()
        if kind == "folder"
        else found.exists()
    ):
        return found
    if found.exists():
        is_a, needs = ("folder", "file") if found.is_dir() else ("file", "folder")
        raise UserError(f"dataset.path: {found} is a {is_a}, and this data set needs a {needs}.")
    near: list[str] = []
    if found.parent.is_dir():
        near = difflib.get_close_matches(found.name, [p.name for p in found.parent.iterdir()], 1)
    hint = f"Did you mean {found.parent / near[0]}?" if near else "Check the path"
    raise UserError(
        f"dataset.path: {found} does not exist. {hint}"
        f"{' A' if near else ': a'} relative path starts at the folder you run from."
    )


def files_below(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files in `folder` and below it with one of the `suffixes`, sorted; hidden ones are left out.

    Raises
    ------
    UserError
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
        raise UserError(
            f"dataset.path: {folder} holds no file that ends in {', '.join(suffixes)}. "
            "Point dataset.path at a folder that does."
        )
    return files


def folder_labels(files: list[Path], root: Path) -> list[str]:
    """For each file its folder, relative to `root`, as in `animals/cat`."""
    for file in files:
        if file.parent == root:
            raise UserError(
                f"dataset.label=folder: {file} lies in no subfolder, so it has no label. "
                "Move it into one, or leave labels out with dataset.label=null."
            )
    return [file.parent.relative_to(root).as_posix() for file in files]


def check_encoding(encoding: str) -> None:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    except (LookupError, ValueError) as error:
        raise UserError(
            f"dataset.encoding={encoding}: Python knows no such text encoding. "
            "Type one that it knows, such as utf-8, cp1252, utf-16, gb18030 or shift_jis."
        ) from error


def exact(encoding: str) -> str:
    """The codec to use: in UTF-8 a byte order mark is no part of the text."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def unpacked(raw: BinaryIO) -> BinaryIO:
    """The bytes of a file, through gzip where it is packed (told by its bytes, not its name)."""
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return cast(BinaryIO, io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 16)) if packed else raw


@contextmanager
def open_text(path: Path, encoding: str, newline: str | None = None) -> Iterator[TextIO]:
    """Open a text file, packed with gzip or not. `newline` is that of `open`.

    Raises
    ------
    UserError
        Here or while the caller reads: a file that cannot be read, a damaged archive, bytes that
        are not text in `encoding` (the message names the byte, the line and a way out).
    """
    try:
        with path.open("rb") as raw:
            yield io.TextIOWrapper(unpacked(raw), encoding=exact(encoding), newline=newline)
    except UnicodeError as error:
        raise UserError(undecodable(path, encoding)) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path} is damaged: {error}. It is packed with gzip, and was perhaps not copied to "
            "the end: fetch it again."
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


def undecodable(path: Path, encoding: str) -> str:
    """What to say of a file that is not text in `encoding`, found by reading it once more."""
    decoder = codecs.getincrementaldecoder(exact(encoding))()
    read, lines, head, where = 0, 1, b"", ""
    with path.open("rb") as raw:
        stream = unpacked(raw)
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
    message = f"{path} is not {encoding} text{where}."
    for signature, advice in SIGNATURES.items():
        if head.startswith(signature):
            return f"{message} {advice}"
    if exact(encoding) != "utf-8-sig":
        return f"{message} Name its encoding, as in dataset.encoding=utf-8."
    return (
        f"{message} Name its encoding: dataset.encoding=cp1252 is right for most files from "
        "Windows in western languages; others are gb18030, shift_jis and cp1251."
    )
