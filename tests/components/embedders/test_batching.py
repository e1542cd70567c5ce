"""Batches on several devices, in too little memory, and of a size found by trial."""

import threading

import numpy as np
import pytest
import torch

from components.base import UserError
from components.embedders.batch_size import BatchSize
from components.embedders.batching import CPU_TOKENS, batches, peak_memory
from runner.cache.encoding import add_costs

TEXTS = ["word " * n for n in (3, 90, 40, 1, 25, 40, 70, 2)] + [f"short {n}" for n in range(60)]
OPTIONS = ["minilm", "hf_transformer"]


def limit_memory(embedder, most):
    """Let the real model fail as a GPU does, where a batch has more than `most` texts."""
    loaded = embedder._loaded
    model = loaded[1] if isinstance(loaded, tuple) else loaded[0]
    sizes = []

    def check(module, arguments, keywords):
        features = keywords or arguments[0]
        sizes.append(len(features["input_ids"]))
        if sizes[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    model.register_forward_pre_hook(check, with_kwargs=True)
    return sizes


@pytest.mark.parametrize("option", OPTIONS)
def test_a_batch_that_does_not_fit_is_halved_and_so_are_those_after_it(build, option):
    expected = build(option, device="cpu").encode(TEXTS)
    embedder = build(option, device="cpu", batch_size=32)
    sizes = limit_memory(embedder, 5)
    vectors = embedder.encode(TEXTS)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert embedder.truncated_.tolist() == [False] * len(TEXTS)
    assert max(sizes) > 5
    sizes.clear()
    embedder.encode(TEXTS)
    assert max(sizes) <= 5  # learnt


def test_one_text_that_does_not_fit_is_the_users_to_know(build):
    embedder = build("minilm", device="cpu")
    limit_memory(embedder, 0)
    with pytest.raises(UserError, match=r"out of memory.*Lower batch_size or max_length"):
        embedder.encode(["a text"])


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("device", [["cpu", "cpu"], "cpu, cpu"])
def test_several_devices_share_the_batches(build, option, device):
    one = build(option, device="cpu", batch_size=4)
    expected = one.encode(TEXTS)
    embedder = build(option, device=device, batch_size=4)
    embedder.encode(TEXTS[:1])
    first, second = embedder._models
    assert first is not second
    used = set()
    for number, model in enumerate(embedder._models):
        model.register_forward_pre_hook(lambda *_, number=number: used.add(number))
    np.testing.assert_allclose(embedder.encode(TEXTS), expected, atol=1e-6)
    assert used == {0, 1}
    np.testing.assert_array_equal(embedder.truncated_, one.truncated_)
    assert embedder.fingerprint() == one.fingerprint()


def test_a_device_in_a_list_is_checked(build):
    with pytest.raises(UserError, match=r"^device=nonsense"):
        build("minilm", device=["cpu", "nonsense"]).encode(["text"])
    with pytest.raises(UserError, match=r"^device=\[\]"):
        build("minilm", device=[]).encode(["text"])


def test_a_trial_doubles_while_it_pays():
    size = BatchSize(None)
    for texts, seconds in [(32, 1.0), (64, 1.2), (128, 2.0), (256, 4.0)]:
        assert size.tries("cuda")
        assert size.texts("cuda") == texts
        size.timed(texts, texts * 100, seconds)  # 3200, 5333, 6400, 6400 tokens a second
    assert not size.tries("cuda")
    assert size.texts("cuda") == 128


def test_a_trial_ends_where_the_memory_does():
    size = BatchSize(None)
    size.timed(32, 3200, 1.0)
    size.too_many(64)
    assert not size.tries("cuda")
    assert size.texts("cuda") == 32
    size.too_many(1)
    assert size.texts("cuda") == 1


def test_a_given_size_is_not_tried_and_a_cpu_has_its_own():
    assert not BatchSize(7).tries("cuda")
    assert not BatchSize(None).tries("cpu")
    assert BatchSize(7).texts("cuda") == 7
    assert BatchSize(None).texts("cpu") == 32


def in_batches(texts, device, size=None):
    """Rows of the batches, and the shapes of their tokens; a token is a word, of 9,000 at most."""

    def tokenize(some):
        lengths = torch.tensor([min(len(text.split()), 9000) for text in some])
        mask = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
        return {"attention_mask": mask}, [len(text.split()) > 9000 for text in some]

    cut = np.zeros(len(texts), bool)
    found = list(batches(texts, tokenize, cut, BatchSize(size), device))
    assert sorted(row for rows, _ in found for row in rows) == list(range(len(texts)))
    assert cut.tolist() == [len(text.split()) > 9000 for text in texts]
    return [tuple(features["attention_mask"].shape) for _, features in found]


def test_a_batch_on_a_cpu_has_few_tokens_and_elsewhere_only_few_texts():
    long = ["word " * 256] * 60
    assert in_batches(long, "cpu") == [(CPU_TOKENS // 256, 256)] * 7 + [(4, 256)]
    assert in_batches(long, "cuda") == [(32, 256), (28, 256)]
    assert in_batches(long, "cuda", 50) == [(50, 256), (10, 256)]
    assert in_batches(["word " * 9001] * 3, "cpu") == [(1, 9000)] * 3
    assert in_batches(["short"] * 60, "cpu") == [(32, 1), (28, 1)]
    assert in_batches([], "cpu") == []
    more = in_batches(TEXTS * 20, "cpu")  # than are tokenized at once
    widths = [width for _, width in more]
    assert widths == sorted(widths, reverse=True)


def test_peaks_are_of_gpus_alone_and_are_not_added_up(build):
    metrics = {}
    with peak_memory(["cpu"], metrics):
        pass
    embedder = build("minilm", device="cpu")
    embedder.encode(["text"])
    assert metrics == embedder.metrics_ == {}
    total = {"tokens": 1.0, "peak_gpu_mb": 7.0}
    add_costs(total, {"tokens": 2.0, "peak_gpu_mb": 5.0})
    assert total == {"tokens": 3.0, "peak_gpu_mb": 7.0}


def watched(embedder):
    """The attention masks that the model is given, and the threads that call it."""
    embedder.encode(["text"])
    model = embedder._models[0]
    masks, threads = [], set()

    def look(module, arguments, keywords):
        masks.append((keywords or arguments[0])["attention_mask"])
        threads.add(threading.get_ident())

    model.register_forward_pre_hook(look, with_kwargs=True)
    return masks, threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_batch_has_texts_of_as_many_tokens_whatever_their_characters(build, option):
    texts = [("a " * 30 if row % 2 else "international " * 4)[: 50 + row % 3] for row in range(200)]
    embedder = build(option, device="cpu")
    masks, _ = watched(embedder)
    vectors = embedder.encode(texts)
    assert sum(mask.numel() for mask in masks) < 1.25 * sum(int(mask.sum()) for mask in masks)
    assert sum(len(mask) for mask in masks) == 200
    np.testing.assert_allclose(vectors[:2], embedder.encode(texts[:2]), atol=1e-6)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_cpu_computes_batches_side_by_side(build, option, two_threads):
    embedder = build(option, device="cpu")
    _, threads = watched(embedder)
    embedder.encode(TEXTS * 10)
    assert len(threads) == 2
    assert threading.get_ident() not in threads
    threads.clear()
    embedder.encode(TEXTS[:2])  # one batch has all threads
    assert threads == {threading.get_ident()}
    assert torch.get_num_threads() == 2


class Remembers(torch.nn.Linear):
    """As in a model's own code, which may hold on to something of a batch."""


def test_a_model_with_code_of_its_own_computes_one_batch_at_a_time(build, two_threads):
    embedder = build("hf_transformer", device="cpu")
    _, threads = watched(embedder)
    embedder._models[0].encoder.add_module("own", Remembers(1, 1))
    threads.clear()
    embedder.encode(TEXTS)
    assert threads == {threading.get_ident()}


def test_an_error_in_a_batch_ends_those_beside_it(build, two_threads):
    embedder = build("minilm", device="cpu", batch_size=1)
    masks, _ = watched(embedder)

    def fail(*_):
        if len(masks) >= 3:
            raise ValueError("broken")

    embedder._models[0].register_forward_pre_hook(fail)
    with pytest.raises(ValueError, match="broken"):
        embedder.encode(TEXTS)
    assert len(masks) < len(TEXTS)
    assert torch.get_num_threads() == 2
