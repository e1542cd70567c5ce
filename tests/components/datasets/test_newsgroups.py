"""dataset=newsgroups, on a small copy in the layout that scikit-learn keeps."""

import codecs
import pickle

import pytest
from sklearn.utils import Bunch

from components.base import UserError
from components.datasets.newsgroups import NewsgroupsDataset

POST = "From: someone\nSubject: it\n\nHe wrote:\n> quoted\nmy words\n--\nsignature"


@pytest.fixture
def home(tmp_path):
    names = ["rec.autos", "sci.space"]
    data = {
        "train": Bunch(
            data=[POST, "a: b\n\nspace"], target=[0, 1], target_names=names, filenames=["1", "2"]
        ),
        "test": Bunch(data=["c: d\n\ncar"], target=[0], target_names=names, filenames=["3"]),
    }
    packed = codecs.encode(pickle.dumps(data), "zlib_codec")
    (tmp_path / "20news-bydate_py3.pkz").write_bytes(packed)
    return str(tmp_path)


def test_posts_with_the_names_of_their_groups(home):
    corpus = NewsgroupsDataset(data_home=home).load()
    assert corpus.labels == ["rec.autos", "sci.space", "rec.autos"]
    assert corpus.documents[1:] == ["space", "car"]
    assert "my words" in corpus.documents[0]
    for hint in ("Subject", "quoted", "signature"):
        assert hint not in corpus.documents[0]


def test_what_gives_the_group_away_may_stay(home):
    keep = {"remove_headers": False, "remove_footers": False, "remove_quotes": False}
    assert NewsgroupsDataset(data_home=home, **keep).load().documents[0] == POST


def test_subset_categories_and_limit(home):
    assert len(NewsgroupsDataset(data_home=home, subset="test").load()) == 1
    assert NewsgroupsDataset(data_home=home, categories=["sci.space"]).load().documents == ["space"]
    assert len(NewsgroupsDataset(data_home=home, limit=2, seed=0).load()) == 2
    with pytest.raises(UserError, match=r"categories=sci\.spce: .*Did you mean 'sci\.space'"):
        NewsgroupsDataset(data_home=home, categories=["sci.spce"]).load()
    with pytest.raises(UserError, match=r"subset=dev"):
        NewsgroupsDataset(subset="dev")


@pytest.mark.filterwarnings("ignore:Retry downloading")
def test_without_a_network_it_says_what_to_do(tmp_path, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(UserError) as error:
        NewsgroupsDataset(data_home=str(tmp_path)).load()
    assert str(tmp_path / "20news_home" / "20news-bydate.tar.gz") in str(error.value)
    assert "data_home" in str(error.value)
    assert "lee needs no network" in str(error.value)
