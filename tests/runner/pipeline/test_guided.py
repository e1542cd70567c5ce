"""What the user knows, through a whole run: names, errors, metrics, a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.base import UserError
from runner import load, report, run

GROUPS = {
    "billing": "the invoice shows a charge that my bank and card account should refund {}",
    "delivery": "the parcel with my order {} was late, said the courier at the door",
    "login": "my password {} and user name do not work on the start page after the update",
}
TEXTS, LABELS = [], []
for number in range(60):
    for group, text in GROUPS.items():
        filler = " ".join(f"{w}{number * k % 7}" for k, w in enumerate(("aa", "bb", "cc", "dd"), 1))
        TEXTS.append(text.format(filler))
        LABELS.append(group)
QUICK = ["embedder=sklearn", "map=false", "metrics=fast", "reports=none", "cache.dir=null"]
QUICK.append("clusterer.granularity=medium")


def labels_of(result: object) -> dict[str, set[str]]:
    names = {topic.id: topic.label for topic in result.topics}  # type: ignore[attr-defined]
    found: dict[str, set[str]] = {}
    for row, label in enumerate(LABELS):
        found.setdefault(names[int(result.labels[row])], set()).add(label)  # type: ignore[attr-defined]
    return found


def test_given_topics_are_the_labels_under_their_names() -> None:
    quick = [setting for setting in QUICK if "granularity" not in setting]
    some = [None if row % 10 == 0 else label for row, label in enumerate(LABELS)]
    result = run(TEXTS, *quick, "clusterer=given", label=some)
    assert {topic.label for topic in result.topics} == set(GROUPS)
    for row, label in enumerate(some):
        topic = int(result.labels[row])
        assert (topic == -1) == (label is None)
        assert label is None or result.topics[topic].label == label
    assert "ami" not in result.metrics  # it would compare the labels with themselves
    result = run(TEXTS, *quick, "clusterer=given", "outliers=assign", label=some)
    assert labels_of(result) == {group: {group} for group in GROUPS}
    one = run(TEXTS, *quick, "clusterer=given", label=["all"] * len(TEXTS))
    assert [topic.label for topic in one.topics] == ["all"]
    with pytest.raises(UserError, match=r"dataset.label=COLUMN"):
        run(TEXTS, *quick, "clusterer=given")
    with pytest.raises(UserError, match=r"guided.topics: with clusterer=given"):
        run(TEXTS, *quick, "clusterer=given", "guided.topics={a: [invoice]}", label=LABELS)


def test_seed_words_name_the_topic_that_gathers_them() -> None:
    result = run(TEXTS, *QUICK, "guided.topics={Money: [invoice, refund], Access: [password, 5]}")
    found = labels_of(result)
    assert found["Money"] == {"billing"}
    assert found["Access"] == {"login"}
    with pytest.raises(UserError, match=r"guided.topics.Money.*no document holds any"):
        run(TEXTS, *QUICK, "guided.topics={Money: [ducats]}")
    with pytest.raises(UserError, match=r"guided.topics: KMeansClusterer cannot be guided. Type"):
        run(TEXTS, *QUICK[:-1], "clusterer=kmeans", "guided.topics={Money: [invoice]}")
    with pytest.raises(UserError, match="must name topics"):
        run(TEXTS, *QUICK, "guided.topics=[billing]")


def test_known_labels_stay_together_and_are_not_measured() -> None:
    odd = ["x" if row % 2 else "y" for row in range(len(TEXTS))]  # straight across the groups
    told = [label if row < 90 else None for row, label in enumerate(odd)]
    result = run(TEXTS, *QUICK, known_labels=told, label=odd)
    topics = [set(result.labels[:90][np.arange(90) % 2 == side].tolist()) for side in (0, 1)]
    assert [len(each) for each in topics] == [1, 1]
    assert topics[0] != topics[1]
    assert {"x", "y"} <= {topic.label for topic in result.topics}
    everything = run(TEXTS, *QUICK, known_labels=odd, label=odd)
    assert "ami" not in everything.metrics
    by_row = run(TEXTS, *QUICK, known_labels={np.int64(0): "y", 1: "x"})
    assert by_row.corpus.known_labels is not None
    assert by_row.labels[0] != by_row.labels[1]
    with pytest.raises(UserError, match=r"known_labels=999: there is no such row"):
        run(TEXTS, *QUICK, known_labels={999: "x"})
    with pytest.raises(UserError, match=r"dataset.known_labels: HDBSCANClusterer cannot be guided"):
        run(TEXTS, *QUICK[:-1], "clusterer=hdbscan", "reducer=pca", known_labels=told)


def test_an_embedder_that_knows_no_phrase_is_refused() -> None:
    with pytest.raises(UserError, match=r"zeroshot.topics.*embedder=minilm"):
        run(TEXTS, "embedder=tfidf", *QUICK[1:], "zeroshot.topics=[billing]")


def test_long_documents_get_the_mixture_of_their_pieces(tmp_path: Path) -> None:
    def document(word: str, *groups: str) -> str:
        return " ".join(f"{GROUPS[group].format(word)}." for group in groups)

    both = [document(f"x{number}", "billing", "delivery") for number in range(40)]
    one = [document(f"x{number}", "login", "login") for number in range(40)]
    settings = [*QUICK[:-1], "clusterer.n_topics=3", "dataset.split=sentences"]
    settings.append("dataset.split_length=1")
    settings.remove("reports=none")
    result = run([*both, *one], *settings, folder=tmp_path)
    assert result.metrics["n_documents"] == 80
    assert result.metrics["n_pieces"] == 160
    table = pq.read_table(tmp_path / "memberships.parquet").to_pandas()
    mixed = table[table.row < 40].groupby("row").weight.max()
    pure = table[table.row >= 40].groupby("row").weight.max()
    assert mixed.median() < 0.6
    assert pure.median() == 1
    documents = result.documents_table()
    assert documents.document.tolist() == [*both, *one]
    assert documents.topic[40:].nunique() == 1
    examples = [result.corpus.documents[row] for row in result.topics[0].examples]
    assert all(example.count(".") == 1 for example in examples)  # pieces, not documents
    report.main([f"run={tmp_path}", f"folder={tmp_path / 'again'}"])  # from the tables
    for page in (tmp_path / "report.html", tmp_path / "again" / "report.html"):
        assert "<b>80</b> documents cut into <b>160</b> pieces" in page.read_text("utf-8")

    model = load(tmp_path, trust=True)
    again = model.predict([*both, *one], memberships=True)
    assert again.topic.tolist() == documents.topic.tolist()
    np.testing.assert_allclose(again.strength, documents.strength, atol=1e-6)
    shares = np.stack(again.memberships)
    np.testing.assert_allclose(
        shares.max(axis=1)[table.row.unique()], table.groupby("row").weight.max(), atol=1e-6
    )
    new = model.predict([document("new", "billing", "delivery"), "", document("new", "login")])
    assert new.topic[1] == -1
    assert new.strength[0] < 0.6
    assert new.strength[2] == 1
    assert "documents are cut into | sentences" in (tmp_path / "model" / "MODEL.md").read_text()


def test_the_model_of_a_guided_run_continues_its_topics(tmp_path: Path) -> None:
    run(
        TEXTS,
        *QUICK,
        "reports=fast",
        "guided.topics={Money: [invoice, refund]}",
        "tracking=none",
        folder=tmp_path,
    )
    found = load(tmp_path, trust=True).predict(TEXTS)
    assert {found.label[row] for row in range(0, 180, 3)} == {"Money"}


KNOWN: dict[str, tuple[list[str], dict[str, Any]]] = {
    "seeds": (["guided.topics={Money: [invoice, refund]}"], {}),
    "names": (["embedder=model2vec", "zeroshot.topics=[bank account,password]"], {}),
    "some labels": ([], {"known_labels": dict(enumerate(LABELS[:90]))}),
    "all labels": (["clusterer=given"], {"label": LABELS}),
}


@pytest.mark.parametrize("neighbours", ["all", "60"])
@pytest.mark.parametrize("case", KNOWN)
def test_the_model_predicts_what_the_user_knew(
    case: str, neighbours: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides, keywords = KNOWN[case]
    settings = [setting for setting in QUICK if "reports" not in setting]
    if case == "all labels":
        settings.remove("clusterer.granularity=medium")
    settings += [*overrides, f"model.neighbours={neighbours}", "model.outliers=0", "reports=fast"]
    settings.append("tracking=none")
    result = run(TEXTS, *settings, folder=tmp_path / "run", **keywords)
    model = load(tmp_path / "run", trust=True)
    again = model.predict(TEXTS)
    assert np.mean(again.topic == result.labels) >= 0.98
    labels = [topic.label for topic in result.topics]
    assert [topic.label for topic in model.topics] == labels
    # The groups' own words with other fillers: new documents, which the run has not seen.
    new = model.predict([text.format("ee8 ff9") for text in GROUPS.values()])
    for row, topic in enumerate(new.topic.tolist()):
        assert topic in set(result.labels[row::3].tolist()), "one of the topics of its group"


WRONG = {
    "dates that are none": ("dataset.timestamp=section", "dataset.timestamp=section: "),
    "a seed word that no document has": (
        "guided.topics={Money:[invoise]}",
        "guided.topics.Money=[invoise]: no document holds any of these words. Near to them are: "
        "invoice.",
    ),
    "a row that is not there": (
        "guided.topics={Money:[999]}",
        "guided.topics.Money=999: there is no such row: they count from 0 to 179.",
    ),
    "a seed of two topics": (
        "guided.topics={Money:[invoice],Mail:[invoice]}",
        "guided.topics.Mail=invoice: is a seed of 'Money' too. Leave it out of one of the two.",
    ),
    "one name twice": (
        "zeroshot.topics=[billing,Billing]",
        "zeroshot.topics=['billing', 'Billing']: 'billing' and 'Billing' are one name.",
    ),
    "labels that nobody knows": ("dataset.known_labels=nobody", "dataset.known_labels=nobody: "),
    "a column that is not there": ("dataset.classes=[sektion]", "Did you mean 'section'?"),
}


# What needs no document is refused with the config, before the data set is read.
WITH_THE_CONFIG = ("a seed of two topics", "one name twice")


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_key(
    case: str, runner: Callable[..., Any], tmp_path: Path
) -> None:
    arguments, expected = WRONG[case]
    outcome = runner(*_from_a_table(tmp_path), arguments)
    assert outcome.code == (2 if case in WITH_THE_CONFIG else 1), outcome.err
    assert expected in outcome.err
    assert "Traceback" not in outcome.err


def test_one_class_is_a_warning(runner: Callable[..., Any], tmp_path: Path) -> None:
    outcome = runner(*_from_a_table(tmp_path), "dataset.classes=[section]")
    assert outcome.code == 0, outcome.err
    assert "topics by class: column 'section' has one class, 'all': it is left out." in outcome.err
    assert not (outcome.output / "topics_by_class.csv").exists()


def _from_a_table(folder: Path) -> list[str]:
    lines = [f'"{text}",{label},all,' for text, label in zip(TEXTS, LABELS, strict=True)]
    table = "\n".join(["text,label,section,nobody", *lines])
    (folder / "mails.csv").write_text(table, encoding="utf-8")
    return [*QUICK, "reports=fast", "tracking=none", "model=false",
            "dataset=csv", "dataset.path=mails.csv"]  # fmt: skip
