"""Whether a value may go where an annotation of a parameter stands, and what may."""

from __future__ import annotations

import ast
import math
from typing import Any

from components.base import Bounds
from runner.config.signatures import Parameter
from runner.terminal.suggestions import nearest

LARGEST_SEED = 2**32 - 1  # of numpy's and scikit-learn's generators
_SEEDS = ("seed", "random_state")


def mistake(value: Any, parameter: Parameter) -> str | None:
    """What is wrong with the value of a parameter, in the words of a command line; None: nothing.

    What is not understood of an annotation is not checked.
    """
    if not _fits(value, parameter.annotation):
        return _expected(value, parameter)
    return seed_mistake(value) if parameter.name in _SEEDS else None


def seed_mistake(value: Any) -> str | None:
    """What is wrong with an integer as a seed; None: nothing, or it is no integer."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if is_integer and not 0 <= value <= LARGEST_SEED:
        return f"must be from 0 to {LARGEST_SEED}, or null."
    return None


def _expected(value: Any, parameter: Parameter) -> str:
    """What the parameter takes instead of `value`, in the words of a command line."""
    assert parameter.annotation is not None
    parts = _alternatives(parameter.annotation)
    kinds, words = _choices(parts)
    if isinstance(value, int | float) and not _is_usable(value) and {"int", "float"} & {*kinds}:
        return f"must be a finite number{'' if isinstance(value, float) else ' below 2^63'}."
    for kind, bounds in filter(None, map(_bounded, parts)):
        if _fits(value, kind):
            others = ", ".join([*words, *(kind for kind in kinds if kind == "null")])
            return f"must be {bounds}{others and f', or {others}'}."
    if not words:
        a_list = any(kind.startswith("list") for kind in kinds) and not isinstance(value, list)
        form = " A list is typed as [a,b]." if a_list else ""
        return f"must be {' or '.join(kinds)}, not {_kind(value)}.{form}"
    hint = nearest(value, words, otherwise="") if isinstance(value, str) else ""
    others = "".join(f" or {kind}" for kind in kinds)
    return f"must be one of {', '.join(words)}{others}.{hint}"


def _choices(parts: list[ast.expr]) -> tuple[list[str], list[str]]:
    """The types among the members of a union, and the words."""
    kinds, words = [], []
    for part in parts:
        if isinstance(part, ast.Subscript) and ast.unparse(part.value).endswith("Literal"):
            inner = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
            words += [str(item.value) for item in inner if isinstance(item, ast.Constant)]
        else:
            kind = ast.unparse(bounded[0] if (bounded := _bounded(part)) else part)
            kinds.append("null" if kind == "None" else kind)
    return kinds, words


def _bounded(annotation: ast.expr) -> tuple[ast.expr, Bounds] | None:
    """The type and the bounds of `Annotated[int, Bounds(1)]`; None for any other annotation."""
    if not isinstance(annotation, ast.Subscript):
        return None
    name, inner = ast.unparse(annotation.value).rpartition(".")[2], annotation.slice
    if name != "Annotated" or not isinstance(inner, ast.Tuple):
        return None
    kind, *others = inner.elts
    for call in others:
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "Bounds":
            named = {str(item.arg): ast.literal_eval(item.value) for item in call.keywords}
            return kind, Bounds(*map(ast.literal_eval, call.args), **named)
    return None


def _alternatives(annotation: ast.expr) -> list[ast.expr]:
    """The members of a union."""
    if isinstance(annotation, ast.BinOp):
        return [*_alternatives(annotation.left), *_alternatives(annotation.right)]
    return [annotation]


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "None": (type(None),),
    "list": (list,),
    "dict": (dict,),
}


def _fits(value: Any, annotation: ast.expr | None) -> bool:
    """Whether a value may go where the annotation stands; what is not understood fits."""
    if annotation is None or (isinstance(value, dict) and "_target_" in value):
        return True
    if isinstance(annotation, ast.BinOp):
        return _fits(value, annotation.left) or _fits(value, annotation.right)
    if isinstance(annotation, ast.Constant):
        if isinstance(annotation.value, str):  # an annotation in quotes
            return _fits(value, ast.parse(annotation.value, mode="eval").body)
        return value is None
    if isinstance(annotation, ast.Name):
        kinds = _KINDS.get(annotation.id)
        if kinds is None:
            return True
        fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        return fits and (not isinstance(value, int | float) or _is_usable(value))
    if isinstance(annotation, ast.Subscript):
        return _fits_generic(value, annotation)
    return True


def _fits_generic(value: Any, annotation: ast.Subscript) -> bool:
    if bounded := _bounded(annotation):
        return _fits(value, bounded[0]) and value in bounded[1]
    name = ast.unparse(annotation.value).rpartition(".")[2]
    inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    if name == "Literal":
        return any(isinstance(item, ast.Constant) and item.value == value for item in inner)
    if name == "Optional":
        return value is None or _fits(value, inner[0])
    if name in ("list", "Sequence", "Iterable"):
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if name in ("dict", "Mapping"):
        return isinstance(value, dict) and all(_fits(item, inner[-1]) for item in value.values())
    return True


def _is_usable(number: float) -> bool:
    """No NaN, not infinite, and an integer only if arrays can hold it."""
    return -(2**63) <= number < 2**63 if isinstance(number, int) else math.isfinite(number)
