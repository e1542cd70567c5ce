"""dataset=lee."""

import subprocess
import sys

import pytest

from components.base import UserError
from components.datasets.lee import LeeDataset


def test_300_news_documents():
    corpus = LeeDataset().load()
    assert len(corpus) == 300
    assert corpus.documents[0].startswith(
        "Hundreds of people have been forced to vacate their homes"
    )
    assert not corpus.blank.any()
    assert corpus.labels is None


def test_limit():
    corpus = LeeDataset(limit=20, seed=3).load()
    assert (len(corpus), corpus.n_rows) == (20, 300)


def test_gensim_is_not_imported():
    code = "import sys; from components.datasets.lee import LeeDataset as L; L().load(); "
    code += "print('gensim' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_without_gensim_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(UserError, match=r"pip install .* gensim"):
        LeeDataset()
