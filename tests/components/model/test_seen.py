"""Documents that a run has seen are recognised where their vectors are not saved."""

from __future__ import annotations

import numpy as np

from components.base import Corpus, Layer
from components.model.fit import fit
from components.model.seen import HASHES, recognise
from reports_support import HARMLESS, made


def a_result():
    result = made(HARMLESS, 200)
    result.corpus = Corpus([f"text {row}" for row in range(199)] + ["text 198"])
    result.layers = {"broad": Layer(np.where(result.labels < 0, -1, 0), [result.topics[0]])}
    result.reduced, result.parts = result.embeddings, {"clusterer": None}
    return result


def test_what_the_run_gave_a_document_is_what_the_model_gives_it():
    result = a_result()
    model = fit(result, neighbours=9)
    rows = result.rows[:-1]  # the last is another's text again
    texts = [result.corpus.documents[row] for row in rows.tolist()]
    predicted = model.predict(np.roll(result.embeddings[:-1], 7, axis=0))
    known = recognise(model, texts, predicted)
    assert known.topics.tolist() == result.labels[rows].tolist()
    assert known.strengths.tolist() == result.strengths[rows].tolist()
    assert known.layers["broad"].tolist() == result.layers["broad"].labels[rows].tolist()
    assert known.topics.dtype == predicted.topics.dtype
    assert known.strengths.dtype == predicted.strengths.dtype
    others = recognise(model, [f"{text}." for text in texts], predicted)
    assert others.topics.tolist() == predicted.topics.tolist()


def test_no_hashes_where_all_vectors_or_none_are_saved_or_images_count():
    result = a_result()
    assert HASHES in fit(result, neighbours=9).arrays
    assert HASHES not in fit(result, neighbours="all").arrays
    assert HASHES not in fit(result, neighbours=0).arrays
    result.corpus = Corpus(result.corpus.documents, images=["a.png"] * 200)
    assert HASHES not in fit(result, neighbours=9).arrays
