"""A folder of images, with or without captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.base import Corpus, ParameterError, at_least
from components.datasets.base import MAX_BYTES, ByteBudget, DatasetBase
from components.datasets.files import check_encoding, files_below, folder_labels, locate, open_text
from components.datasets.table import to_corpus

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(kw_only=True, eq=False)
class ImagesDataset(DatasetBase):
    """All images in a folder and below it, in the order of their paths.

    Each image is a document; its text is its caption, or empty.

    Parameters
    ----------
    path : str
        The folder.
    label : "folder", optional
        Label each image by its subfolder.
    captions : bool
        Read `cat.txt` beside `cat.jpg` as its text. An image without one has no text.
    encoding : str
        Of the captions.
    max_bytes : int, optional
        Refuse captions that take more memory than this; None reads whatever fits into memory.
    limit, seed, missing
        See `DatasetBase`.
    """

    path: str
    label: Literal["folder"] | None = None
    captions: bool = False
    encoding: str = "utf-8"
    max_bytes: int | None = MAX_BYTES

    def __post_init__(self) -> None:
        super().__post_init__()
        locate(self.path, "folder")
        if self.label not in (None, "folder"):
            raise ParameterError("label", self.label, "must be folder or null.")
        check_encoding(self.encoding)
        at_least(1, "or null for no limit", max_bytes=self.max_bytes)

    def read(self) -> Corpus:
        folder = locate(self.path, "folder")
        files = files_below(folder, SUFFIXES)
        budget = ByteBudget(self.max_bytes, f"the captions in {folder}")
        values: dict[str, list[str]] = {"image": [str(file) for file in files]}
        if self.label == "folder":
            values["label"] = folder_labels(files, folder)
        if self.captions:
            beside = [file.with_suffix(".txt") for file in files]
            values["text"] = [""] * len(files)
            for row, caption in enumerate(beside):
                if caption.is_file():
                    with open_text(caption, self.encoding, budget=budget) as stream:
                        values["text"][row] = stream.read().strip()
                        budget.keep((values["text"][row],))
            if not any(values["text"]):
                raise ParameterError(
                    "captions",
                    True,
                    f"no image in {folder} has a caption. The one of {files[0]} would be "
                    f"{beside[0]}.",
                )
        return to_corpus(
            values,
            str(folder),
            image="image",
            text="text" if "text" in values else None,
            label="label" if "label" in values else None,
            missing=self.missing,
        )
