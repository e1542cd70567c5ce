"""Each engine gives torch's vectors; exports are cached; what cannot be is told before any work."""

import importlib.util
import logging

import numpy as np
import pytest

from components.base import ParameterError, UserError
from components.embedders import engines

TEXTS = ["The central bank raised interest rates again.", "A dog in the garden. " * 90, "goal"]
TEXTS += [f"a short text, number {n}" for n in range(9)]
OPTIONS = ["minilm", "hf_transformer"]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """One cache folder for the module, so that each model is exported once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "topic-runner" / "onnx"


@pytest.fixture(scope="module")
def torch_vectors(build):
    return {option: build(option, device="cpu").encode(TEXTS) for option in OPTIONS}


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
@pytest.mark.parametrize("option", OPTIONS)
def test_vectors_are_those_of_torch_to_float_rounding(build, option, engine, torch_vectors):
    embedder = build(option, engine=engine, device="cpu")
    vectors = embedder.encode(TEXTS)
    assert (vectors * torch_vectors[option]).sum(axis=1).min() > engines.LEAST_COSINE
    np.testing.assert_allclose(vectors, torch_vectors[option], atol=1e-5)
    assert embedder.truncated_.tolist()[:3] == [False, True, False]
    np.testing.assert_array_equal(vectors, embedder.encode(TEXTS))  # the same bits
    assert embedder.fingerprint() == build(option).fingerprint()


def test_an_export_is_cached_by_the_weights(build, cache, caplog):
    caplog.set_level(logging.INFO, engines.__name__)
    first = build("minilm", engine="onnx", device="cpu").encode(TEXTS[:1])
    exports = {file.parent.name: file.stat().st_mtime_ns for file in cache.glob("*/model.onnx")}
    caplog.clear()
    again = build("minilm", engine="onnx", device="cpu").encode(TEXTS[:1])
    np.testing.assert_array_equal(first, again)
    assert "exporting" not in caplog.text
    assert exports == {f.parent.name: f.stat().st_mtime_ns for f in cache.glob("*/model.onnx")}
    assert sorted(file.name for file in cache.iterdir()) == sorted(exports)  # nothing half-done


def test_auto_tries_what_is_installed_and_torch_stays_where_none_is_much_faster(
    build, torch_vectors, caplog, monkeypatch
):
    caplog.set_level(logging.INFO, engines.__name__)
    monkeypatch.setattr(engines, "FASTER", 1e9)
    vectors = build("hf_transformer", engine="auto", device="cpu").encode(TEXTS)
    np.testing.assert_array_equal(vectors, torch_vectors["hf_transformer"])
    line = next(line for line in caplog.messages if "tokens per second" in line)
    assert line.startswith("engine: torch (")
    assert all(f"{engine} " in line for engine in ("torch", "onnx", "openvino"))


def test_auto_takes_the_fastest(build, monkeypatch, caplog):
    caplog.set_level(logging.INFO, engines.__name__)
    states, now = engines._states, [0.0]

    def clocked(model, features):
        now[0] += 10.0 if type(model).__name__ == "BertModel" else 1.0
        return states(model, features)

    monkeypatch.setattr(engines, "_states", clocked)
    monkeypatch.setattr(engines.time, "perf_counter", lambda: now[0])
    build("minilm", engine="auto", device="cpu").encode(TEXTS[:1])
    assert any(
        line.startswith(("engine: onnx (", "engine: openvino (")) for line in caplog.messages
    )


def test_other_states_than_torchs_are_refused(build, monkeypatch):
    onnxruntime = engines._onnxruntime

    def wrong(file):
        names, run = onnxruntime(file)
        return names, lambda arrays: np.flip(run(arrays), axis=2).copy()

    monkeypatch.setattr(engines, "_onnxruntime", wrong)
    with pytest.raises(ParameterError, match=r"^engine=onnx: its states have a cosine of"):
        build("minilm", engine="onnx", device="cpu").encode(TEXTS)


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_a_missing_extra_is_named_before_any_work(build, engine, monkeypatch):
    find_spec = importlib.util.find_spec
    gone = {"onnxruntime", "openvino"}
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name in gone else find_spec(name, *more),
    )
    with pytest.raises(UserError, match=rf"pip install 'topic-runner\[{engine}\]'"):
        build("minilm", engine=engine)
    build("minilm", engine="auto", device="cpu").encode(["text"])  # torch is always there


def test_what_an_engine_cannot_do(build):
    with pytest.raises(ParameterError, match=r"^engine=onnx: computes in float32"):
        build("minilm", engine="onnx", precision="bfloat16")
    with pytest.raises(ParameterError, match=r"^engine=jax: must be auto, torch"):
        build("minilm", engine="jax")
    build("minilm", engine="auto", precision="bfloat16", device="cpu").encode(["text"])


def test_a_model_that_cannot_be_exported(build, monkeypatch, torch_vectors, tmp_path):
    import optimum.exporters.onnx as exporters

    def fail(*_, **__):
        raise ValueError("no such architecture")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(exporters, "onnx_export_from_model", fail)
    with pytest.raises(ParameterError, match=r"cannot be exported to ONNX .*no such architecture"):
        build("minilm", engine="onnx", device="cpu").encode(TEXTS)
    vectors = build("minilm", engine="auto", device="cpu").encode(TEXTS)
    np.testing.assert_array_equal(vectors, torch_vectors["minilm"])
