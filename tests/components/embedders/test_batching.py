"""Batches on several devices, in too little memory, and of a size found by trial."""

import numpy as np
import pytest
import torch

from components.base import UserError
from components.embedders.batching import BatchSize, batches, peak_memory
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
    assert [len(b) for b in batches(["text"] * 70, BatchSize(None), 256, "cpu")] == [32, 32, 6]
    assert [len(b) for b in batches(["text"] * 70, BatchSize(50), 256, "cuda:1")] == [50, 20]


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
