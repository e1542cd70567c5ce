"""Whatever bytes a file holds, a reader gives documents or an error in words."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.arrow import strings
from components.base import Corpus, ParameterError, UserError
from components.datasets.csv import CsvDataset
from components.datasets.jsonl import JsonlDataset
from components.datasets.python import corpus_from
from components.datasets.text import TextDataset
from components.datasets.timestamps import parse_times

CLASSES = [TextDataset, CsvDataset, JsonlDataset]
LIMITS = settings(
    max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
WORDS = [
    "text",
    "sep=;",
    "null",
    "NaN",
    '{"text": "a"}',
    '"text"',
    "é",
    "e\u0301",
    "\ufeff",
    "\u2028",
]
PIECES = st.sampled_from([*WORDS, *"\"',;\t\n\r\\{}[]:\0 1-"])
TEXT = st.lists(PIECES, max_size=25).map("".join)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32", "cp1252", "gb18030"])
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["text", "a", "data", "columns"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def check(content: bytes, of_class: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        dataset = of_class(path=str(path))
        with contextlib.suppress(UserError):
            corpus: Corpus = dataset.load()
            strings(corpus.documents).validate(full=True)
            assert len(corpus.hash) == 64


@pytest.mark.parametrize("of_class", CLASSES)
@LIMITS
@given(content=st.binary(max_size=200))
def test_any_bytes(of_class: Any, content: bytes) -> None:
    check(content, of_class)


@pytest.mark.parametrize("of_class", CLASSES)
@LIMITS
@given(text=TEXT, encoding=ENCODINGS)
def test_any_text(of_class: Any, text: str, encoding: str) -> None:
    check(text.encode(encoding, "replace"), of_class)


@LIMITS
@given(value=JSON, indent=st.none() | st.just(1))
def test_any_json(value: Any, indent: int | None) -> None:
    check(json.dumps(value, indent=indent).encode(), JsonlDataset)


@LIMITS
@given(value=JSON | st.text(st.characters(categories=None)) | st.datetimes())
def test_any_python(value: Any) -> None:
    with contextlib.suppress(UserError):
        strings(corpus_from(value, missing="keep").documents).validate(full=True)


@LIMITS
@given(cell=JSON | st.text() | st.datetimes(timezones=st.none() | st.timezones()) | st.dates())
def test_any_time(cell: Any) -> None:
    with contextlib.suppress(ParameterError):
        assert len(parse_times([cell], "date")) == 1


@LIMITS
@given(
    st.from_regex(
        r"\A[0-9]{1,4}[ ./-][0-9a-zA-Z]{1,4}[ ./-][0-9]{1,4}( [0-9]{1,2}:[0-9]{2}( ?[ap]m)?)?\Z"
    )
)
def test_any_date(text: str) -> None:
    with contextlib.suppress(ParameterError):
        assert len(parse_times([text], "date")) == 1
