import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest

import store_worker
from components.base import UserError
from runner.cache.__main__ import entries, main
from runner.cache.leases import leased
from runner.cache.stages import StageCache
from store_worker import DOCUMENTS, HashEmbedder

X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
DAY = 86_400


SETTINGS = {"_target_": f"{__name__}.Half", "n_components": 2}


class Half:
    def fit_transform(self, X, *, neighbors):
        neighbors(X, 5)
        return X[:, :2]


@pytest.fixture
def folder(tmp_path):
    """Two embedders' vectors, a graph and a reduction; used 1, 10, 20 and 30 days ago."""
    store_worker.encode(tmp_path, HashEmbedder(), DOCUMENTS[:40], name="minilm")
    store_worker.encode(
        tmp_path, HashEmbedder(), DOCUMENTS[:30], identity=lambda: {"model": "glove-50"}, chunk=100
    )
    StageCache(tmp_path).reduce(Half(), X, SETTINGS)
    paths = [
        embeddings(tmp_path, "minilm") / "manifest.json",
        embeddings(tmp_path, "glove") / "manifest.json",
        *tmp_path.glob("graphs/*"),
        *tmp_path.glob("reductions/*"),
    ]
    for path, days in zip(paths, (1, 10, 20, 30), strict=True):
        os.utime(path, (time.time() - days * DAY,) * 2)
    return tmp_path


def embeddings(folder, name):
    return next(e.path for e in entries(folder) if e.matches(name))


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return code, output.out + output.err


def kinds(folder):
    return [entry.kind for entry in entries(folder)]


def test_list_shows_what_is_there(folder, capsys):
    code, output = run(capsys, "--dir", folder)
    assert code == 0
    lines = [line.split() for line in output.splitlines()]
    assert lines[0][:2] == ["kind", "name"]
    rows = {line[1]: line for line in lines[1:5]}
    assert rows["minilm"][:4] == ["embeddings", "minilm", "40", "6"]
    assert rows["HashEmbedder"][2:4] == ["30", "6"]
    assert rows["cosine"][:4] == ["graphs", "cosine", "50", "32"]
    assert rows["Half"][:4] == ["reductions", "Half", "50", "2"]
    assert rows["Half"][6] == time.strftime("%Y-%m-%d", time.localtime(time.time() - 30 * DAY))


def test_a_run_that_ended_before_its_first_vectors_is_not_listed(folder):
    (folder / "embeddings" / "0123" / "claims").mkdir(parents=True)
    assert kinds(folder).count("embeddings") == 2


def test_use_is_recorded(folder):
    store_worker.encode(
        folder, HashEmbedder(), DOCUMENTS[:3], identity=lambda: {"model": "glove-50"}
    )
    StageCache(folder).reduce(Half(), X, SETTINGS)
    used = {entry.name: time.time() - entry.used for entry in entries(folder)}
    assert used["HashEmbedder"] < 60
    assert used["Half"] < 60
    assert used["minilm"] > DAY / 2


def test_check_of_a_sound_cache(folder, capsys):
    code, output = run(capsys, "check", "--dir", folder)
    assert code == 0
    assert "all sound" in output


def test_check_sets_damaged_files_aside(folder, capsys):
    victims = [next(folder.glob("graphs/*")), embeddings(folder, "glove") / "manifest.json"]
    victims[0].write_bytes(victims[0].read_bytes()[:-1])
    victims[1].write_text("{")
    code, output = run(capsys, "check", "--dir", folder)
    assert code == 1
    assert "2 damaged" in output
    assert all(str(victim) in output and not victim.exists() for victim in victims)
    assert kinds(folder).count("quarantine") == 2
    assert run(capsys, "check", "--dir", folder)[0] == 0
    # Vectors are still served, and the manifest is written again with the next new ones.
    documents = DOCUMENTS[:31]
    encoded = store_worker.encode(
        folder, HashEmbedder(), documents, identity=lambda: {"model": "glove-50"}
    )
    assert encoded.computed == 1
    assert victims[1].exists()


def test_prune_by_age(folder, capsys):
    code, output = run(capsys, "prune", "--dir", folder, "--older-than", "15d", "--dry-run")
    assert (code, len(kinds(folder))) == (0, 4)
    assert "would be removed: 2 entries" in output
    run(capsys, "prune", "--dir", folder, "--older-than", "2w")
    assert kinds(folder) == ["embeddings", "embeddings"]
    run(capsys, "prune", "--dir", folder, "--older-than", "200h")
    assert [entry.name for entry in entries(folder)] == ["minilm"]


def test_prune_of_what_cannot_be_removed_says_so(folder, monkeypatch):
    def refuse(path, missing_ok=False):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\)"):
        main(["prune", "--older-than", "25d", "--dir", str(folder)])


def test_prune_by_size_removes_the_longest_unused_first(folder, capsys):
    total = sum(entry.size for entry in entries(folder))
    run(capsys, "prune", "--dir", folder, "--max-size", f"{total}B")
    assert len(kinds(folder)) == 4
    run(capsys, "prune", "--dir", folder, "--max-size", f"{(total - 1) / 1000}kB")
    assert kinds(folder) == ["embeddings", "embeddings", "graphs"]
    run(capsys, "prune", "--dir", folder, "--max-size", "0GB")
    assert kinds(folder) == []


@pytest.mark.parametrize("name", ["MiniLM", "key"])
def test_prune_by_name_or_key(folder, capsys, name):
    if name == "key":
        name = embeddings(folder, "minilm").name[:12]
    run(capsys, "prune", "--dir", folder, "--name", name)
    assert [entry.name for entry in entries(folder)] == ["HashEmbedder", "cosine", "Half"]
    embedder = HashEmbedder()
    store_worker.encode(folder, embedder, DOCUMENTS[:40])
    assert embedder.computed == 40


def test_what_a_run_is_adding_to_is_kept(folder, capsys):
    path = embeddings(folder, "minilm")
    with leased(path / "claims", np.array([b"x" * 32], "S32")):
        _, output = run(capsys, "prune", "--dir", folder, "--older-than", "0d")
        assert "not deleted, because a run is adding to it: minilm" in output
        assert kinds(folder) == ["embeddings"]
    run(capsys, "prune", "--dir", folder, "--older-than", "0d")
    assert kinds(folder) == []


def test_vectors_in_use_outlive_a_prune(folder, capsys):
    vectors = store_worker.encode(folder, HashEmbedder(), DOCUMENTS[:40]).vectors
    copy = vectors.copy()
    run(capsys, "prune", "--dir", folder, "--older-than", "0d")
    assert np.array_equal(vectors, copy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune"], "say what"),
        (["prune", "--older-than", "30"], "'30' is not a time such as 30d"),
        (["prune", "--max-size", "5 bananas"], "is not a size such as 5GB"),
        (["purge"], "'purge' is not an action. Did you mean 'prune'"),
        (["prune", "--older-then=3d"], "Did you mean '--older-than'"),
    ],
)
def test_mistakes_are_explained(folder, arguments, message):
    with pytest.raises(UserError, match=message):
        main([*arguments, "--dir", str(folder)])
    assert len(kinds(folder)) == 4


def test_a_folder_that_is_not_there(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(capsys)[0] == 0
    with pytest.raises(UserError, match="gone"):
        main(["--dir", "gone"])


def test_a_setting_may_be_written_in_three_ways(folder, capsys):
    for words in (["--name", "minilm"], ["--name=minilm"], ["name=minilm"]):
        code, output = run(capsys, "prune", *words, "--dry-run", f"dir={folder}")
        assert code == 0
        assert "would be removed: 1 entries" in output


def test_a_cache_that_is_not_to_be_written_to(folder, read_only):
    read_only(folder)
    with pytest.raises(UserError, match=r"cannot be written|can prune it"):
        main(["prune", "--dir", str(folder), "--name", "minilm"])
    (reduction,) = folder.glob("reductions/*")
    with pytest.raises(UserError, match=r"cannot be written|can prune it"):
        main(["prune", "--dir", str(folder), "--name", reduction.name])
    assert reduction.exists()
