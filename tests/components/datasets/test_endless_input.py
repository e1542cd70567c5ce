"""Input that never ends, or unpacks to far more than it seems."""

import gzip
import os
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.base import ParameterError
from components.datasets.csv import CsvDataset
from components.datasets.huggingface import HuggingfaceDataset
from components.datasets.jsonl import JsonlDataset
from components.datasets.parquet import ParquetDataset
from components.datasets.text import TextDataset

CLASSES = [TextDataset, CsvDataset, JsonlDataset, ParquetDataset]
MEGABYTE = 1_000_000


def refused(dataset, says):
    """Check that reading is refused, and that little memory was used for it."""
    tracemalloc.start()
    try:
        with pytest.raises(ParameterError, match=says):
            dataset().load()
        assert tracemalloc.get_traced_memory()[1] < 15 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("of_class", CLASSES)
def test_a_pipe_and_a_device_are_refused_at_once(of_class, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.symlink("/dev/zero", tmp_path / "link")
    for path in (tmp_path / "pipe", tmp_path / "link", "/dev/zero", "/dev/stdin"):
        with pytest.raises(ParameterError, match=r"path=.* is a pipe or a device"):
            of_class(path=str(path))


def test_a_pipe_in_a_folder_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "b.txt")
    (tmp_path / "a.txt").write_text("a")
    assert TextDataset(path=str(tmp_path)).load().documents == ["a"]


@pytest.mark.parametrize("of_class", [TextDataset, CsvDataset, JsonlDataset])
@pytest.mark.parametrize("content", [b"\0", b"\n", b"a", b"[", b"text,"])
def test_a_gzip_bomb_is_refused(of_class, content, tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(content * (20 * MEGABYTE // len(content)), 1))
    says = r"max_bytes=500000: .* (holds|takes) more bytes "
    refused(lambda: of_class(path=str(path), max_bytes=MEGABYTE // 2), says)


def test_many_small_files_count_together(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("x" * 1000)
    assert len(TextDataset(path=str(tmp_path), max_bytes=5500).load()) == 5
    with pytest.raises(ParameterError, match=r"max_bytes=4999"):
        TextDataset(path=str(tmp_path), max_bytes=4999).load()


def test_a_parquet_bomb_is_refused(tmp_path):
    # One text of a megabyte, stored once and used 10,000 times: 10 GB from a small file.
    texts = pa.DictionaryArray.from_arrays(np.zeros(10_000, np.int32), ["x" * MEGABYTE])
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts}), path, store_schema=False)
    assert path.stat().st_size < 1.5 * MEGABYTE
    refused(lambda: ParquetDataset(path=str(path), max_bytes=10 * MEGABYTE), "max_bytes=10000000")


def test_hugging_face_tables_are_counted_too(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text(
        '{"text": "' + "x" * 1000 + '"}\n' + '{"text": "b"}\n'
    )
    settings = {"path": str(tmp_path / "data"), "cache_dir": str(tmp_path / "cache")}
    assert len(HuggingfaceDataset(**settings).load()) == 2
    with pytest.raises(ParameterError, match=r"max_bytes=1000: .* takes more bytes"):
        HuggingfaceDataset(**settings, max_bytes=1000).load()


def test_parquet_of_nulls_alone_is_counted(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.nulls(MEGABYTE, pa.string())}), path)
    assert path.stat().st_size < 10_000
    refused(lambda: ParquetDataset(path=str(path), max_bytes=MEGABYTE), "max_bytes=1000000")


def test_a_text_that_is_stored_once_is_one_string_in_memory(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x" * 1000] * 100}), path)
    documents = ParquetDataset(path=str(path)).load().documents
    assert len({id(document) for document in documents}) == 1


SMALL_OBJECTS = {
    "short lines": (TextDataset, b"ab\n" * 10**5),
    "short cells": (CsvDataset, b"text\n" + b"ab\n" * 10**5),
    "cells of one line": (CsvDataset, b"text\n" + b"ab," * 10**5),
    "short objects": (JsonlDataset, b'{"text":"ab"}\n' * 10**5),
    "lists in a cell": (JsonlDataset, b'{"text":[[],[],[],[],[],[]]}\n' * 10**4),
    "lists of one line": (JsonlDataset, b'{"text":"","a":[' + b"[]," * 10**5 + b"0]}\n"),
    "lists of one value": (JsonlDataset, b'{"text":"",\n"a":[' + b"[],\n" * 10**5 + b"0]}"),
}


@pytest.mark.parametrize("name", SMALL_OBJECTS)
def test_what_small_objects_take_in_memory_is_counted(name, tmp_path):
    of_class, content = SMALL_OBJECTS[name]
    path = tmp_path / "a"
    path.write_bytes(content)
    limit = 2 * MEGABYTE
    assert len(content) < limit
    refused(lambda: of_class(path=str(path), max_bytes=limit), r"takes more bytes of memory than")


@pytest.mark.parametrize(
    "column", [["ab"] * 10**5, [f"{i:x}" for i in range(10**5)], [[[]] * 100] * 10**3]
)
def test_small_objects_in_parquet(column, tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": column}), path)
    assert path.stat().st_size < 2 * MEGABYTE
    says = r"takes more bytes of memory than"
    refused(lambda: ParquetDataset(path=str(path), max_bytes=2 * MEGABYTE), says)


def test_the_limit_can_be_lifted(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x" * 1000)
    assert len(TextDataset(path=str(path), max_bytes=None).load()) == 1
