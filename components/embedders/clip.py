"""Texts and images in one space, by a CLIP model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from components.base import Floats, Integers, ParameterError, UserError, at_least, require
from components.embedders import weights
from components.embedders.batching import memory_errors, moved
from components.embedders.own_code import check_no_own_code, refused_imports
from components.embedders.torch_models import (
    RecordingTokenizer,
    packed,
    pick_device,
    too_long,
    truncated,
)


class ClipEmbedder:
    """A CLIP model, through sentence-transformers.

    A document with a text gets the text's vector, one with an image the image's, one with both
    the mean of the two. Each is scaled to length 1 before, and the mean after.

    Parameters
    ----------
    model : str
        A hub's name, a local folder, or `pkg://package/folder`.
    revision : str, optional
        Branch, tag or commit on the hub; None takes what is cached here, else the newest.
    device : str, optional
        cpu, cuda, cuda:1, mps; None takes the best one there is.
    batch_size : int
        Texts, or images, at a time.
    trust_pickle : bool
        Also read weights that only come as `pytorch_model.bin`.
    """

    def __init__(
        self,
        *,
        model: str = "sentence-transformers/clip-ViT-B-32",
        revision: str | None = None,
        device: str | None = None,
        batch_size: int = 32,
        trust_pickle: bool = False,
    ) -> None:
        require("PIL", extra="clip")
        self.model = model
        self.revision = revision
        self.device = device
        self.batch_size = batch_size
        self.trust_pickle = trust_pickle
        at_least(1, batch_size=batch_size)
        weights.resolve(model)

    def fingerprint(self) -> dict[str, Any]:
        return {"class": "ClipEmbedder", **weights.identity(self.model, self.revision)}

    def encode(
        self, documents: Sequence[str], *, images: Sequence[str | None] | None = None
    ) -> Floats:
        """Vectors of texts, images, or both.

        Parameters
        ----------
        documents : sequence of str, length n
            A blank one has no text.
        images : sequence of (str or None), length n, optional
            Paths of image files.

        Returns
        -------
        float32 (n, d), rows of length 1; `truncated_`, bool (n,), is set

        Raises
        ------
        UserError
            When an image cannot be read: it names the path.
        """
        texts = list(documents)
        paths = [None] * len(texts) if images is None else list(images)
        with_text = np.flatnonzero([bool(text.strip()) for text in texts])
        with_image = np.flatnonzero([bool(path) for path in paths])
        self.truncated_ = np.zeros(len(texts), bool)
        parts: list[tuple[Integers, Floats]] = []
        for rows in _blocks(with_text, self.batch_size):
            vectors, self.truncated_[rows] = self._of_texts([texts[row] for row in rows])
            parts.append((rows, vectors))
        for rows in _blocks(with_image, self.batch_size):
            parts.append((rows, self._of_images([read_image(str(paths[row])) for row in rows])))
        size = parts[0][1].shape[1] if parts else 0
        total = np.zeros((len(texts), size), np.float32)
        for rows, vectors in parts:
            total[rows] += _unit(vectors)
        return _unit(total)

    def _of_texts(self, batch: list[str]) -> tuple[Floats, Any]:
        """Vectors, and which texts were truncated: bool (b,)."""
        import torch

        model = self._loaded
        with memory_errors(self.batch_size), torch.inference_mode():
            features = model.preprocess(batch)
            cut: Any = truncated(self._tokenizer.returned)
            if cut is None:  # a slow tokenizer does not tell
                cut = too_long(self._tokenizer, batch, int(model.max_seq_length))
            rows = model(moved(features, model.device))["sentence_embedding"].float().cpu().numpy()
        return rows, cut

    def _of_images(self, batch: list[Any]) -> Floats:
        with memory_errors(self.batch_size):
            rows = self._loaded.encode(
                batch, batch_size=len(batch), show_progress_bar=False, convert_to_numpy=True
            )
        return np.asarray(rows, dtype=np.float32)

    @cached_property
    def _loaded(self) -> Any:
        device = pick_device(self.device)

        def build(name: str, **source: Any) -> Any:
            from sentence_transformers import SentenceTransformer

            check_no_own_code(self.model, name)
            safe = None if self.trust_pickle else True
            with refused_imports():
                return SentenceTransformer(
                    name, device=device, model_kwargs={"use_safetensors": safe}, **source
                )

        loaded = weights.fetch(self.model, self.revision, build, "modules.json")
        if not {"text", "image"} <= set(loaded.modalities):
            raise ParameterError(
                "model",
                self.model,
                f"is not a CLIP model: it takes {', '.join(map(str, loaded.modalities))} only. For "
                "texts alone, use sentence_transformer.",
            )
        positions = loaded[0].auto_model.config.text_config.max_position_embeddings
        limit = loaded.max_seq_length  # some tokenizers name none, or 1e30
        loaded.max_seq_length = positions if limit is None else min(limit, positions)
        self._tokenizer = RecordingTokenizer(loaded.tokenizer)
        loaded[0].processor.tokenizer = self._tokenizer
        return packed(loaded.eval())


def read_image(path: str) -> Any:
    """The image at `path` as RGB, whatever its mode; 16 bits a pixel are scaled, not clipped.

    Raises
    ------
    UserError
        When it is missing, damaged, or no image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):  # one channel of integers or floats
                values = np.asarray(image, np.float32)
                scale = 255 / 65535 if values.size and values.max() > 255 else 1
                image = Image.fromarray(np.clip(values * scale, 0, 255).astype(np.uint8))
            return image.convert("RGB")
    except Exception as error:  # Pillow raises many kinds, by format and fault
        raise UserError(
            f"the image {path} cannot be read ({type(error).__name__}: {error}). Repair or remove "
            "it, or drop its document."
        ) from error


def _blocks(rows: Integers, size: int) -> list[Integers]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _unit(X: Floats) -> Floats:
    """Rows of length 1; a row of zeros stays."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    norms[norms == 0] = 1
    return np.asarray(X / norms, dtype=np.float32)
