"""Texts to vectors in batches: by length, on one device or several, as the memory allows."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, UserError
from components.embedders.torch_models import packed

log = logging.getLogger(__name__)

CPU_TEXTS = 32  # in a batch on a CPU, at most
CPU_TOKENS = 2048  # in a batch on a CPU: its states then fit in the cache
CHARACTERS_PER_TOKEN = 4  # about, in most languages that are written with an alphabet
START = 32  # texts in the first batch on a GPU
GAIN = 1.05  # as many tokens per second: else twice the texts are not worth their memory


@dataclass
class BatchSize:
    """How many texts a batch has: a fixed number, or one found by trial on the run's own batches.

    A trial doubles the number until that makes the batches less than 5 % faster, or the memory
    ends. Where it ends, fixed or not, the number is halved.

    fixed : the most texts; None: `CPU_TEXTS` on a CPU, a trial elsewhere
    """

    fixed: int | None
    _trial: int = START
    _fastest: float = 0.0
    _settled: bool = False
    _limit: int | None = field(default=None)  # where the memory ended

    def texts(self, device: str) -> int:
        size = self.fixed or (CPU_TEXTS if device == "cpu" else self._trial)
        return min(size, self._limit or size)

    def tries(self, device: str) -> bool:
        """Whether the next batch is part of a trial, and worth timing."""
        return self.fixed is None and device != "cpu" and not self._settled

    def timed(self, texts: int, tokens: int, seconds: float) -> None:
        """Learn from a batch of the trial."""
        if texts < self._trial:  # the rest of a block
            return
        speed = tokens / seconds
        self._settled = speed < GAIN * self._fastest
        self._trial = self._trial // 2 if self._settled else self._trial * 2
        self._fastest = max(speed, self._fastest)
        if self._settled:
            log.info("batch_size: %d texts, found by trial", self._trial)

    def too_many(self, texts: int) -> None:
        """The memory was too small for so many."""
        self._limit = max(1, min(texts // 2, self._limit or texts))
        self._settled = True
        log.info("out of memory with %d texts at a time: %d from now on", texts, self._limit)


def batches(
    texts: Sequence[str], batch_size: int | BatchSize, limit: int | None, device: Any
) -> Iterator[list[int]]:
    """Rows of the texts, longest first: little is padding, and too little memory shows at once.

    At most `batch_size` texts per batch. On a CPU a batch has at most about `CPU_TOKENS` tokens, or
    one text.
    """
    kind = getattr(device, "type", str(device).partition(":")[0])
    size = BatchSize(batch_size) if isinstance(batch_size, int) else batch_size
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    start = 0
    while start < len(order):
        number = size.texts(kind)
        if kind == "cpu":
            tokens = max(1, len(texts[order[start]]) // CHARACTERS_PER_TOKEN)
            number = min(number, max(1, CPU_TOKENS // min(tokens, limit or tokens)))
        yield order[start : start + number]
        start += number


def replicas(model: Any, devices: Sequence[str]) -> list[Any]:
    """The model on each of the devices; itself on the first, ready for inference."""
    copies = [model.to(devices[0]), *(deepcopy(model).to(device) for device in devices[1:])]
    return [packed(copy) for copy in copies]


def encode_batches(
    texts: Sequence[str],
    models: Sequence[Any],
    tokenize: Callable[[list[str]], tuple[Any, Any]],
    vectors: Callable[[Any, Any], Any],
    *,
    size: BatchSize,
    limit: int | None,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Vectors, float32 (n, d), and which texts were truncated, bool (n,).

    On a CPU one batch comes after the other: a tokenizer beside the model would take its cores
    from it. On a GPU, the next batch is tokenized while the model runs, and vectors are copied
    back once. Several devices take batches from one queue.

    Parameters
    ----------
    texts : sequence of str, length n
    models : sequence of torch.nn.Module
        One for each device.
    tokenize : callable
        From b texts to `features`, a mapping of str to tensors on the CPU, among them
        `input_ids`, and to bool (b,), truncated or not.
    vectors : callable
        From a model and features on its device to its tensor (b, d).
    size : BatchSize
        What it learns is used in the next call.
    limit : int, optional
        Tokens at which a text is truncated.
    """
    truncated = np.zeros(len(texts), bool)
    lock = threading.Lock()
    queue = batches(texts, size, limit, str(models[0].device))

    def prepared() -> tuple[list[int], Any] | None:
        """The rows of the next batch, and its features; None where no batch is left."""
        with lock:
            rows = next(queue, None)
        if rows is None:
            return None
        features, truncated[rows] = tokenize([texts[row] for row in rows])
        return rows, features

    def computed(model: Any, rows: list[int], features: Any) -> Iterator[tuple[list[int], Any]]:
        """Rows and their vectors, in smaller pieces where the memory is too small for all."""
        if (result := _timed(model, features, vectors, size, len(rows))) is not None:
            yield rows, result
            return
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            yield from computed(model, half, tokenize([texts[row] for row in half])[0])

    def work(model: Any) -> list[tuple[list[int], Any]]:
        return _worked(model, prepared, partial(computed, model))

    if len(models) == 1:
        results = work(models[0])
    else:
        with ThreadPoolExecutor(len(models)) as pool:
            results = [part for parts in pool.map(work, models) for part in parts]
    rows = np.empty((0, 0), np.float32)
    for some, tensor in results:
        if not rows.shape[1]:
            rows = np.empty((len(texts), tensor.shape[1]), np.float32)
        rows[some] = tensor.float().numpy()
    return rows, truncated


def _timed(
    model: Any, features: Any, vectors: Callable[[Any, Any], Any], size: BatchSize, n: int
) -> Any | None:
    """Vectors of a batch of `n` texts, for `size` to learn from; None where memory ends.

    A batch of one text that does not fit is an error.
    """
    try:
        on_device = moved(features, model.device)
        begun = time.perf_counter()
        result = vectors(model, on_device)
        if size.tries(model.device.type):
            _wait(model.device)
            size.timed(n, features["input_ids"].numel(), time.perf_counter() - begun)
    except RuntimeError as error:
        if n == 1 or not _is_memory(error):
            raise
    else:
        return result
    # Out of the handler, whose traceback holds on to the tensors that did not fit.
    size.too_many(n)
    _release(model.device)
    return None


def _worked(
    model: Any,
    prepared: Callable[[], tuple[list[int], Any] | None],
    computed: Callable[[list[int], Any], Iterator[tuple[list[int], Any]]],
) -> list[tuple[list[int], Any]]:
    """Rows and vectors of all batches that one device takes; of a GPU as one copy on the CPU."""
    import torch

    done: list[tuple[list[int], Any]] = []
    with torch.inference_mode():
        if model.device.type == "cpu":
            while (batch := prepared()) is not None:
                done.extend(computed(*batch))
            return done
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(prepared)
            while (batch := coming.result()) is not None:
                coming = ahead.submit(prepared)
                done.extend(computed(*batch))
        # One copy, which waits for all that the device has been asked for.
        rows = [row for some, _ in done for row in some]
        return [(rows, torch.cat([v for _, v in done]).float().cpu())] if done else []


def moved(features: Any, device: Any) -> Any:
    """The features, their tensors on a device."""
    return {
        name: value.to(device, non_blocking=True) if hasattr(value, "to") else value
        for name, value in features.items()
    }


def _wait(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _release(device: Any) -> None:
    """Give back what torch holds of a GPU's memory without using it."""
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()


def _is_memory(error: RuntimeError) -> bool:
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "alloc" in str(error)


@contextmanager
def memory_errors(batch_size: int | None) -> Iterator[None]:
    """Turn running out of memory, on a GPU or not, into a `UserError`."""
    try:
        yield
    except RuntimeError as error:
        if not _is_memory(error):
            raise
        now = "" if batch_size is None else f" (now {batch_size})"
        raise UserError(
            f"out of memory while embedding ({str(error).splitlines()[0][:200]}). Lower "
            f"batch_size{now} or max_length, or set device=cpu."
        ) from error


@contextmanager
def peak_memory(devices: Sequence[str], metrics: dict[str, float]) -> Iterator[None]:
    """Put the most memory that torch held on one GPU into `metrics` as `peak_gpu_mb`.

    In 10^6 bytes; nothing where no device is a CUDA GPU.
    """
    gpus = [device for device in devices if device.startswith("cuda")]
    if not gpus:
        yield
        return
    import torch

    for gpu in gpus:
        torch.cuda.reset_peak_memory_stats(gpu)
    yield
    metrics["peak_gpu_mb"] = max(torch.cuda.max_memory_allocated(gpu) for gpu in gpus) / 1e6
