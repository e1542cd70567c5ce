"""A folder of images, with or without captions."""

from __future__ import annotations

from typing import Literal

from components.base import Corpus, UserError
from components.datasets.columns import check_sample, to_corpus
from components.datasets.files import check_encoding, files_below, folder_labels, locate, open_text

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")


class ImagesDataset:
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
    limit, seed : int, optional
        Take a sample of at most so many documents.
    """

    def __init__(
        self,
        *,
        path: str,
        label: Literal["folder"] | None = None,
        captions: bool = False,
        encoding: str = "utf-8",
        limit: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.path = path
        self.label = label
        self.captions = captions
        self.encoding = encoding
        self.limit = limit
        self.seed = seed
        locate(path, "folder")
        if label not in (None, "folder"):
            raise UserError(f"dataset.label={label}: type folder, or null.")
        check_encoding(encoding)
        check_sample(limit, seed)

    def load(self) -> Corpus:
        folder = locate(self.path, "folder")
        files = files_below(folder, SUFFIXES)
        values: dict[str, list[str]] = {"image": [str(file) for file in files]}
        if self.label == "folder":
            values["label"] = folder_labels(files, folder)
        if self.captions:
            beside = [file.with_suffix(".txt") for file in files]
            values["text"] = [""] * len(files)
            for row, caption in enumerate(beside):
                if caption.is_file():
                    with open_text(caption, self.encoding) as stream:
                        values["text"][row] = stream.read().strip()
            if not any(values["text"]):
                raise UserError(
                    f"dataset.captions=true: no image in {folder} has a caption. The one of "
                    f"{files[0]} would be {beside[0]}."
                )
        return to_corpus(values, str(folder), folder).sample(self.limit, self.seed)
