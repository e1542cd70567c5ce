"""How long HDBSCAN will take, said before it starts."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from components.clusterers import density_tree
from components.clusterers.hdbscan import HDBSCANClusterer


def test_where_it_will_take_long_a_warning_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    X = np.random.default_rng(0).normal(size=(600, 20)).astype(np.float32)
    before = HDBSCANClusterer(min_cluster_size=150).fit_predict(X)
    assert not caplog.messages
    monkeypatch.setattr(density_tree, "MANY", 599)
    monkeypatch.setattr(density_tree, "TRIED", (100, 200))
    assert (HDBSCANClusterer(min_cluster_size=150).fit_predict(X) == before).all()
    assert not caplog.messages  # it takes no time
    monkeypatch.setattr(density_tree, "LONG", 0)
    with caplog.at_level(logging.WARNING):
        assert (HDBSCANClusterer(min_cluster_size=150).fit_predict(X) == before).all()
    assert caplog.messages[0].startswith("HDBSCAN of 600 vectors of 20 numbers takes about 0 min")
    assert "Ctrl-C is not heard" in caplog.messages[0]
