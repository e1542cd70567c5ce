"""spaCy: the vectors of any pipeline, and the states of its curated transformer."""

from __future__ import annotations

import configparser
import importlib.util
import json
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from components.base import Floats, MissingExtraError, ParameterError, at_least, require
from components.embedders import weights
from components.embedders.word_vectors import UnknownWords

log = logging.getLogger(__name__)


class SpacyEmbedder:
    """`Doc.vector`: the mean of the word vectors, or of the `tok2vec` states where there are none.

    Only the components that this takes are loaded: none besides the tokenizer for a pipeline
    with word vectors, `tok2vec` for one without.

    Parameters
    ----------
    model : str
        An installed pipeline, or the folder of one.
    components : list of str, optional
        Which components to run instead, for a pipeline that sets `Doc.vector` in its own way.
    n_process : int
        Processes to run the pipeline in; a batch is the least that one is given.
    batch_size : int
        Documents at a time.
    """

    block = 4096  # documents to compute and store at a time: storing few takes longer

    def __init__(
        self,
        *,
        model: str = "en_core_web_md",
        components: list[str] | None = None,
        n_process: int = 1,
        batch_size: int = 64,
    ) -> None:
        require("spacy", extra="spacy")
        self.model = model
        self.components = components
        self.n_process = n_process
        self.batch_size = batch_size
        at_least(1, batch_size=batch_size, n_process=n_process)
        self._folder = find_pipeline(model)
        self._factories = _factories(self._folder)
        if unknown := set(components or []) - set(self._factories):
            raise ParameterError(
                "components",
                components,
                f"the pipeline {model} has no {', '.join(sorted(unknown))}. It has: "
                f"{', '.join(self._factories) or 'none'}.",
            )
        self._needed = self._components()
        self._counts_words = not self._needed  # tok2vec makes a vector of every word
        self._unknown = UnknownWords(model)

    def _components(self) -> list[str]:
        if self.components is not None:
            return list(self.components)
        meta = json.loads((self._folder / "meta.json").read_text(encoding="utf-8"))
        if meta.get("vectors", {}).get("width"):
            return []
        components = [name for name, factory in self._factories.items() if factory == "tok2vec"]
        if not components:
            raise ParameterError(
                "model",
                self.model,
                "the pipeline has neither word vectors nor a tok2vec component. Use one that has, "
                "such as en_core_web_md, or spacy_trf for a transformer pipeline.",
            )
        return components

    def fingerprint(self) -> dict[str, Any]:
        return {
            "class": type(self).__name__,
            **weights.identity(str(self._folder)),
            "components": self._needed,
        }

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d)."""
        nlp, texts = self._loaded, list(documents)
        allow_length(nlp, texts)
        n_batches = -(-len(texts) // self.batch_size)
        docs = nlp.pipe(
            texts,
            batch_size=self.batch_size,
            n_process=min(self.n_process, n_batches),  # starting a process costs time
        )
        rows = []
        for doc in docs:
            if self._counts_words and self._unknown.open:
                words = [token for token in doc if token.is_alpha]
                self._unknown.count(sum(token.has_vector for token in words), len(words))
            rows.append(to_cpu(doc.vector))
        return np.stack(rows)

    @cached_property
    def _loaded(self) -> Any:
        return load_pipeline(self._folder, self._factories, self._needed)


class SpacyTransformerEmbedder:
    """The last hidden states of a pipeline's curated transformer, pooled over a document.

    They are those of all word pieces, special ones aside. spaCy reads long documents to the end
    in overlapping windows, so nothing is cut.

    Parameters
    ----------
    model : str
        An installed pipeline with a `curated_transformer`, or the folder of one.
    pooling : {"mean", "max"}
    prefer_gpu : bool
        Use a GPU if there is one.
    require_gpu : bool
        Fail if there is no GPU.
    gpu_id : int
    gpu_allocator : {"pytorch", "tensorflow"}, optional
        Which library hands out the GPU's memory; None leaves it to cupy.
    batch_size : int
        Documents at a time.
    """

    def __init__(
        self,
        *,
        model: str = "en_core_web_trf",
        pooling: Literal["mean", "max"] = "mean",
        prefer_gpu: bool = False,
        require_gpu: bool = False,
        gpu_id: int = 0,
        gpu_allocator: Literal["pytorch", "tensorflow"] | None = "pytorch",
        batch_size: int = 32,
    ) -> None:
        require("spacy", extra="spacy")
        require("spacy_curated_transformers", extra="spacy")
        self.model = model
        self.pooling = pooling
        self.prefer_gpu = prefer_gpu
        self.require_gpu = require_gpu
        self.gpu_id = gpu_id
        self.gpu_allocator = gpu_allocator
        self.batch_size = batch_size
        at_least(1, batch_size=batch_size)
        if pooling not in ("mean", "max"):
            raise ParameterError("pooling", pooling, "must be mean or max.")
        if gpu_allocator not in ("pytorch", "tensorflow", None):
            raise ParameterError(
                "gpu_allocator", gpu_allocator, "must be pytorch, tensorflow or null."
            )
        self._folder = find_pipeline(model)
        self._factories = _factories(self._folder)
        factories = self._factories.items()
        self._needed = [name for name, factory in factories if factory == "curated_transformer"]
        if not self._needed:
            raise ParameterError(
                "model",
                model,
                "the pipeline has no curated_transformer component. Use one that has, such as "
                "en_core_web_trf 3.7 or later, or spacy_md.",
            )

    def fingerprint(self) -> dict[str, Any]:
        return {
            "class": type(self).__name__,
            **weights.identity(str(self._folder)),
            "pooling": self.pooling,
        }

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d)."""
        from components.embedders.batching import memory_errors

        nlp, texts = self._loaded, list(documents)
        allow_length(nlp, texts)
        with memory_errors(self.batch_size):
            docs = nlp.pipe(texts, batch_size=self.batch_size)
            return np.stack([self._pool(doc._.trf_data) for doc in docs])

    def _pool(self, output: Any) -> Floats:
        pieces = to_cpu(output.last_hidden_layer_state.dataXd)
        if not len(pieces):
            return np.zeros(pieces.shape[1], np.float32)
        pooled: Floats = pieces.mean(axis=0) if self.pooling == "mean" else pieces.max(axis=0)
        return pooled

    @cached_property
    def _loaded(self) -> Any:
        self._choose_device()
        return load_pipeline(self._folder, self._factories, self._needed)

    def _choose_device(self) -> None:
        """Set the device that spaCy uses for everything that it loads from now on."""
        import spacy
        from thinc.api import set_gpu_allocator

        if self.require_gpu:
            try:
                spacy.require_gpu(self.gpu_id)
            except ValueError as error:
                raise ParameterError(
                    "require_gpu",
                    "true",
                    f"spaCy finds no GPU to use ({error}). Install the cupy that fits your CUDA "
                    "(pip install cupy-cuda12x), or set require_gpu=false.",
                ) from error
        elif not (self.prefer_gpu and spacy.prefer_gpu(self.gpu_id)):
            if self.prefer_gpu:
                log.warning("prefer_gpu=true, but spaCy finds no GPU: using the CPU")
            spacy.require_cpu()
            return
        if self.gpu_allocator:
            set_gpu_allocator(self.gpu_allocator)


def find_pipeline(model: str) -> Path:
    """The folder of a pipeline: of an installed package, which is not imported, or a path.

    Raises
    ------
    ParameterError
        When there is none.
    MissingExtraError
        When a package is not installed, with the line that installs it.
    """
    if model.isidentifier() and not Path(model).exists():
        spec = importlib.util.find_spec(model)
        if spec is None or not spec.origin:
            raise MissingExtraError(
                f"the spaCy pipeline model={model} is not installed. Install it with: "
                f"python -m spacy download {model}; or give the folder of a pipeline."
            )
        folders = [Path(spec.origin).parent, *sorted(Path(spec.origin).parent.glob("*-*"))]
    else:
        folders = [Path(weights.resolve(model))]
    for folder in folders:
        if (folder / "config.cfg").is_file() and (folder / "meta.json").is_file():
            return folder
    raise ParameterError(
        "model",
        model,
        f"{folders[0]} is not a spaCy pipeline: it holds no config.cfg and meta.json. Give the "
        "folder that `nlp.to_disk` wrote, or an installed pipeline's name.",
    )


def _factories(folder: Path) -> dict[str, str]:
    """The factory of each of a pipeline's components, in order, read without spaCy."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(folder / "config.cfg", encoding="utf-8")
    names = json.loads(config.get("nlp", "pipeline", fallback="[]"))
    return {
        name: json.loads(config.get(f"components.{name}", "factory", fallback='""'))
        for name in names
    }


def load_pipeline(folder: Path, factories: dict[str, str], needed: list[str]) -> Any:
    """The pipeline in `folder` with only the `needed` components."""
    with weights.loading(str(folder)):
        import spacy

        exclude = [name for name in factories if name not in needed]
        return spacy.load(folder, exclude=exclude, enable=needed or ())


def allow_length(nlp: Any, texts: list[str]) -> None:
    """Lift spaCy's limit on a text's length, which is there for its parser's memory."""
    nlp.max_length = max(nlp.max_length, *map(len, texts), 0)


def to_cpu(array: Any) -> Floats:
    """A numpy or cupy array as a numpy array."""
    return np.asarray(array.get() if hasattr(array, "get") else array, dtype=np.float32)
