"""A model's folder: what is written is read again, and nothing else is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from components.base import UserError
from components.model import SavedTopic, TopicModel
from components.model import folder as model_folder
from components.model.folder import DamagedModelError

TOPICS = [
    SavedTopic(0, "rain, wind", 7, (("rain", 0.5), ("wind", 0.25)), ("It rained.", "Wind | rain")),
    SavedTopic(1, "café", 3, (), ()),
]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    arrays = {
        "centroids": np.eye(2, 3, dtype=np.float32),
        "rows": csr_matrix(np.eye(4, 3, dtype=np.float32)),
        "half": np.ones((2, 2), np.float16),
        "labels": np.array([0, 0, 1, -1], np.int32),
    }
    model = TopicModel({"rule": {"name": "vote"}, "limit": 0.5}, arrays, TOPICS, {"fine": TOPICS})
    tree = '{"dict": {}}', {"vocabulary": np.arange(3)}
    size = model_folder.write(tmp_path / "model", model, {"name": "a run"}, "# card", tree)
    files = sum(path.stat().st_size for path in (tmp_path / "model").iterdir())
    assert size == pytest.approx(files / 1e6)
    return tmp_path / "model"


def test_a_round_trip(written):
    model, about, learnt = model_folder.read(written)
    assert about == {"format": 1, "name": "a run"}
    assert model.settings == {"rule": {"name": "vote"}, "limit": 0.5}
    assert model.topics == TOPICS
    assert model.layers == {"fine": TOPICS}
    assert model.arrays["half"].dtype == np.float16
    assert (model.arrays["rows"].toarray() == np.eye(4, 3)).all()
    assert learnt is not None
    assert learnt[0] == '{"dict": {}}'
    assert learnt[1]["vocabulary"].tolist() == [0, 1, 2]


def test_anybody_can_check_it(written):
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=written, capture_output=True)
    assert done.returncode == 0


@pytest.mark.parametrize("name", model_folder.FILES)
def test_a_flipped_bit_is_found_in_every_file(written, name):
    content = bytearray((written / name).read_bytes())
    content[len(content) // 2] ^= 1
    (written / name).write_bytes(content)
    with pytest.raises(DamagedModelError, match="is damaged"):
        model_folder.read(written)


@pytest.mark.parametrize("name", model_folder.FILES)
def test_a_missing_file_is_missed(written, name):
    (written / name).unlink()
    with pytest.raises(DamagedModelError, match=f"{name} is missing. Copy the whole folder again"):
        model_folder.read(written)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(UserError, match=r"holds no model: there is no model\.yaml"):
        model_folder.read(tmp_path)


def test_what_else_is_in_the_folder_stays(written):
    (written / "notes.txt").write_text("mine")
    model_folder.remove(written)
    assert [path.name for path in written.iterdir()] == ["notes.txt"]


def test_no_file_is_a_pickle(written):
    assert {path.suffix for path in written.iterdir()} <= {
        ".yaml", ".safetensors", ".parquet", ".md", "",
    }  # fmt: skip
