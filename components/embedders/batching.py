"""Texts to vectors in batches: by length, on one device or several, as the memory allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Floats, UserError
from components.embedders.batch_size import BatchSize
from components.embedders.torch_models import packed

CPU_TOKENS = 2048  # in a batch on a CPU: its states then fit in the cache
CPU_BATCHES = 8  # at once on a CPU, at most: more would wait for Python
STATELESS = {"torch", "transformers", "sentence_transformers", "components"}  # packages of modules
WINDOW = 512  # texts that are tokenized at a time, at least: enough to find some of equal length


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
) -> tuple[Floats, NDArray[np.bool_]]:
    """Vectors, float32 (n, d), and which texts were truncated, bool (n,).

    Several devices take batches from one queue. A CPU computes several batches at once, each with
    a share of its threads: they wait for each other less often than on one batch. On a GPU, the
    next batch is prepared while the model runs, and vectors are copied back once.

    Parameters
    ----------
    texts : sequence of str, length n
    models : sequence of torch.nn.Module
        One for each device.
    tokenize : callable
        From b texts to `features`, a mapping of str to tensors on the CPU, among them
        `attention_mask`, and to bool (b,), truncated or not.
    vectors : callable
        From a model and features on its device to its tensor (b, d).
    size : BatchSize
        What it learns is used in the next call.
    """
    truncated = np.zeros(len(texts), bool)
    lock, stopped = threading.Lock(), threading.Event()
    queue = batches(texts, tokenize, truncated, size, models[0].device.type)

    def prepared() -> tuple[list[int], Any] | None:
        """The rows of the next batch, and its features; None where no batch is left."""
        with lock:  # neither a generator nor every tokenizer can be asked by two threads at once
            return None if stopped.is_set() else next(queue, None)

    def computed(model: Any, rows: list[int], features: Any) -> Iterator[tuple[list[int], Any]]:
        """Rows and their vectors, in smaller pieces where the memory is too small for all."""
        if (result := _timed(model, features, vectors, size, len(rows))) is not None:
            yield rows, result
            return
        middle = len(rows) // 2
        for half in (slice(middle), slice(middle, None)):
            yield from computed(model, rows[half], _part(features, half))

    def work(model: Any) -> list[tuple[list[int], Any]]:
        try:
            return _worked(model, prepared, partial(computed, model))
        except BaseException:
            stopped.set()  # the others need not compute what is left
            raise

    if len(models) == 1 and _shares_threads(models[0]):
        import torch

        first = list(islice(queue, min(torch.get_num_threads(), CPU_BATCHES)))
        queue = chain(first, queue)
        models = [models[0]] * max(1, len(first))
    if len(models) == 1:
        results = work(models[0])
    else:
        with _threads(models) as pool:
            try:
                results = [part for parts in pool.map(work, models) for part in parts]
            finally:
                stopped.set()  # after Ctrl-C, no batch is begun
    rows = np.empty((0, 0), np.float32)
    for some, tensor in results:
        if not rows.shape[1]:
            rows = np.empty((len(texts), tensor.shape[1]), np.float32)
        rows[some] = tensor.float().numpy()
    return rows, truncated


def batches(
    texts: Sequence[str],
    tokenize: Callable[[list[str]], tuple[Any, Any]],
    truncated: NDArray[np.bool_],
    size: BatchSize,
    kind: str,
) -> Iterator[tuple[list[int], Any]]:
    """Rows of texts and their features, the longest first: too little memory shows at once.

    A window of texts with about as many characters is tokenized at a time, and divided into batches
    of texts with as many tokens, so that little is padding: for 20,000 titles, half a
    percent of it instead of 30. Sets `truncated`.
    """
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    start = 0
    while start < len(order):
        window = order[start : start + max(WINDOW, 4 * size.texts(kind))]
        start += len(window)
        features, truncated[window] = tokenize([texts[row] for row in window])
        tokens = features["attention_mask"].sum(dim=1).numpy()
        longest = np.argsort(-tokens, kind="stable")
        while len(longest):
            number = size.texts(kind)
            if kind == "cpu":
                number = min(number, max(1, CPU_TOKENS // max(1, int(tokens[longest[0]]))))
            batch, longest = longest[:number], longest[number:]
            yield [window[place] for place in batch.tolist()], _part(features, batch)


def _part(features: Any, rows: Any) -> dict[str, Any]:
    """The features of some rows, without the columns that are padding in all of them."""
    mask = features["attention_mask"]
    columns = mask[rows].any(dim=0)
    return {
        name: value[rows][:, columns] if getattr(value, "shape", None) == mask.shape else value
        for name, value in features.items()
    }


def _shares_threads(model: Any) -> bool:
    """Whether several threads may call a model on the CPU at once, each with a share of torch's.

    Not where a module has threads of its own, or may change what it holds as it is called: those
    that come with a model's own code, and positions that are scaled to a batch's length.
    """
    return model.device.type == "cpu" and all(
        type(module).__module__.partition(".")[0] in STATELESS
        and not getattr(module, "own_threads", False)
        and not any(kind in str(getattr(module, "rope_type", "")) for kind in ("dynamic", "long"))
        for module in model.modules()
    )


@contextmanager
def _threads(models: Sequence[Any]) -> Iterator[ThreadPoolExecutor]:
    """A thread for each model; those on the CPU share its threads among them."""
    import torch

    threads = torch.get_num_threads()
    on_cpu = sum(model.device.type == "cpu" for model in models)
    share = max(1, threads // max(1, on_cpu))
    try:
        with ThreadPoolExecutor(
            len(models), initializer=torch.set_num_threads, initargs=(share,)
        ) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)  # MKL's number is that of the whole process


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
