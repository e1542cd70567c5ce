import numpy as np
import pytest

from components.base import UserError

DOCUMENTS = ["dogs chase cats", "banks raise rates " * 200, "goal", "dogs chase cats"]


@pytest.fixture(scope="module")
def encoder(build, saved_model):
    return build("use", model=str(saved_model), batch_size=2)


@pytest.fixture(scope="module")
def multilingual(build):
    return build("use_multilingual")


def test_a_saved_model_is_loaded_through_tensorflow_hub_and_called_in_batches(encoder):
    import tensorflow as tf

    rows = encoder.encode(DOCUMENTS)
    assert rows.dtype == np.float32
    assert rows.shape == (4, 512)
    np.testing.assert_allclose(rows, encoder._loaded(tf.constant(DOCUMENTS)), atol=1e-5)
    alone = np.vstack([encoder.encode([document]) for document in DOCUMENTS])
    np.testing.assert_allclose(rows, alone, atol=1e-5)


def test_a_folder_without_a_saved_model(build, tmp_path):
    with pytest.raises(UserError, match=r"no saved_model\.pb"):
        build("use", model=str(tmp_path))


def test_a_handle_that_cannot_be_reached(build):
    embedder = build("use", model="http://127.0.0.1:9/universal-sentence-encoder/4")
    with pytest.raises(UserError, match=r"^model=.* could not be loaded"):
        embedder.encode(["text"])


def test_a_saved_model_that_is_no_encoder(build, tmp_path):
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(UserError, match="not a sentence encoder"):
        build("use", model=str(tmp_path)).encode(["text"])


def test_a_device_that_is_not_there(build, saved_model):
    with pytest.raises(UserError, match=r"^device=GPU:9"):
        build("use", model=str(saved_model), device="GPU:9").encode(["text"])


def test_multilingual_related_sentences_are_nearer_in_three_languages(multilingual):
    rates = ["The bank raised interest rates.", "Die Bank hat die Zinsen erhöht."]
    rates.append("La banque a relevé les taux d'intérêt.")
    dogs = ["A dog is sleeping in the garden.", "Ein Hund schläft im Garten."]
    dogs.append("Un chien dort dans le jardin.")
    cosines = multilingual.encode(rates) @ multilingual.encode([*rates, *dogs]).T
    assert cosines[:, :3].min() > cosines[:, 3:].max() + 0.1


def test_multilingual_rows_are_unit_and_the_same_whatever_stands_beside_them(multilingual):
    together = multilingual.encode(DOCUMENTS)
    assert together.dtype == np.float32
    assert together.shape == (4, 512)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.vstack([multilingual.encode([document]) for document in DOCUMENTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_multilingual_numbers_can_be_left_out_of_account(build, multilingual):
    texts = ["It cost 1 million.", "It cost 57 million."]
    plain, denoised = multilingual.encode(texts), build("use_multilingual", denoise=True)
    same = denoised.encode(texts)
    assert same[0] @ same[1] > 0.999 > plain[0] @ plain[1]


def test_fingerprints_know_what_changes_a_vector(build, saved_model, encoder):
    assert build("use", model=str(saved_model)).fingerprint() == encoder.fingerprint()
    assert build("use").fingerprint() != encoder.fingerprint()
    base = build("use_multilingual").fingerprint()
    assert build("use_multilingual", threads=4).fingerprint() == base
    assert build("use_multilingual", denoise=True).fingerprint() != base
