"""What a scikit-learn estimator has learnt, as named arrays: no pickle."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np

from components.base import UserError

Arrays = dict[str, np.ndarray[Any, Any]]


class NotSavableError(UserError):
    """A part holds something that cannot be written as arrays and plain values."""


def pack(value: Any) -> tuple[str, Arrays]:
    """A tree of plain values, arrays and fitted estimators, as JSON and the arrays it refers to.

    Of an estimator, everything is taken that is no parameter of its constructor, and of the
    parameters those that hold estimators: they are what `fit` has changed.

    Raises
    ------
    NotSavableError
        At an object of any other type; the message names where it is.
    """
    arrays: Arrays = {}
    return json.dumps(_pack(value, "state", arrays)), arrays


def unpack(tree: str, arrays: Arrays, into: Any = None) -> Any:
    """The reverse of `pack`. `into` holds the estimators, unfitted, with their parameters.

    Raises
    ------
    UserError
        When `into` does not hold the estimators that the tree has.
    """
    return _unpack(json.loads(tree), arrays, into, "state")


def _pack(value: Any, name: str, arrays: Arrays) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        value = np.asarray(value)
        arrays[name] = value.reshape(1)
        return {"scalar": name}
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name, "shape": list(value.shape)}
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO" and value.ndim == 1:
        return {"strings": _strings(value.tolist(), name, arrays), "as": value.dtype.kind}
    if hasattr(value, "tocsr") and hasattr(value, "nnz"):
        rows = value.tocsr()
        for part in ("data", "indices", "indptr"):
            arrays[f"{name}.{part}"] = getattr(rows, part)
        return {"csr": name, "shape": list(rows.shape)}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise NotSavableError(f"{name} has keys that are not text")
        if value and all(isinstance(v, int | np.integer) for v in value.values()):
            arrays[f"{name}.values"] = np.fromiter(value.values(), np.int64, len(value))
            return {"vocabulary": _strings(list(value), name, arrays)}
        return {"dict": {key: _pack(v, f"{name}.{key}", arrays) for key, v in value.items()}}
    if isinstance(value, list | tuple):
        items = [_pack(v, f"{name}.{i}", arrays) for i, v in enumerate(value)]
        return {type(value).__name__: items}
    if isinstance(value, set | frozenset):
        return {"set": [_pack(v, f"{name}.{i}", arrays) for i, v in enumerate(sorted(value))]}
    if hasattr(value, "get_params") and not isinstance(value, type):
        parameters = {
            key: parameter
            for key, parameter in value.get_params(deep=False).items()
            if parameter is None or isinstance(parameter, bool | int | float | str)
        }
        fitted = _fitted(value, name, arrays)
        return {"estimator": _kind(value), "parameters": parameters, "fitted": fitted}
    raise NotSavableError(f"{name} is a {type(value).__module__}.{type(value).__qualname__}")


def _fitted(estimator: Any, name: str, arrays: Arrays) -> dict[str, Any]:
    parameters = estimator.get_params(deep=False)
    return {
        key: _pack(value, f"{name}.{key}", arrays)
        for key, value in vars(estimator).items()
        if key not in parameters or _holds_estimators(value)
    }


def _holds_estimators(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_estimators(item) for item in value)
    return hasattr(value, "get_params") and not isinstance(value, type)


def _strings(values: list[Any], name: str, arrays: Arrays) -> str:
    """Texts as one array of bytes and one of their ends."""
    if not all(isinstance(value, str) for value in values):
        raise NotSavableError(f"{name} holds objects that are not text")
    encoded = [value.encode("utf-8", "surrogatepass") for value in values]
    arrays[f"{name}.text"] = np.frombuffer(b"".join(encoded), np.uint8)
    arrays[f"{name}.ends"] = np.cumsum([len(value) for value in encoded], dtype=np.int64)
    return name


def _unpack(node: Any, arrays: Arrays, into: Any, name: str) -> Any:
    if not isinstance(node, dict):
        return node
    if "scalar" in node:
        return arrays[node["scalar"]][0]
    if "array" in node:
        return arrays[node["array"]].reshape(node["shape"])
    if "strings" in node:
        texts = _texts(node["strings"], arrays)
        return np.array(texts, dtype=object if node["as"] == "O" else None)
    if "csr" in node:
        from scipy.sparse import csr_matrix

        parts = [arrays[f"{node['csr']}.{part}"] for part in ("data", "indices", "indptr")]
        matrix = csr_matrix(tuple(parts), shape=tuple(node["shape"]))
        matrix.check_format(full_check=True)  # scipy would read beyond its arrays
        return matrix
    if "vocabulary" in node:
        values = arrays[f"{node['vocabulary']}.values"].tolist()
        if name.endswith(".vocabulary_") and sorted(values) != list(range(len(values))):
            raise ValueError(f"{name} does not number its words")  # they are columns of a matrix
        return dict(zip(_texts(node["vocabulary"], arrays), values, strict=True))
    if "dict" in node:
        existing = into if isinstance(into, dict) else {}
        return {
            key: _unpack(v, arrays, existing.get(key), f"{name}.{key}")
            for key, v in node["dict"].items()
        }
    if "set" in node:
        return {_unpack(item, arrays, None, name) for item in node["set"]}
    if "estimator" in node:
        if into is None:
            into = _created(node, name)
        elif _kind(into) != node["estimator"]:
            raise UserError(f"{name} was a {node['estimator']} and is now a {_kind(into)}.")
        for key, value in node["fitted"].items():
            setattr(into, key, _unpack(value, arrays, getattr(into, key, None), f"{name}.{key}"))
        return into
    kind = "tuple" if "tuple" in node else "list"
    items = node[kind]
    same = isinstance(into, list | tuple) and len(into) == len(items)
    unpacked = [
        _unpack(item, arrays, into[i] if same else None, f"{name}.{i}")
        for i, item in enumerate(items)
    ]
    return tuple(unpacked) if kind == "tuple" else unpacked


def _created(node: dict[str, Any], name: str) -> Any:
    """An estimator that another one makes when it is fitted: scikit-learn's own classes only."""
    module, _, kind = node["estimator"].rpartition(".")
    if module.partition(".")[0] == "sklearn":
        from sklearn.base import BaseEstimator

        estimator = getattr(importlib.import_module(module), kind, None)
        if isinstance(estimator, type) and issubclass(estimator, BaseEstimator):
            return estimator(**node["parameters"])
    raise UserError(f"{name} was a {node['estimator']} and is now missing.")


def _texts(name: str, arrays: Arrays) -> list[str]:
    ends = arrays[f"{name}.ends"].tolist()
    text = arrays[f"{name}.text"].tobytes()
    starts = [0, *ends[:-1]]
    return [
        text[start:end].decode("utf-8", "surrogatepass")
        for start, end in zip(starts, ends, strict=True)
    ]


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
