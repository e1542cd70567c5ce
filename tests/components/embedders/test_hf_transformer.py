import json

import numpy as np
import pytest

from components.base import UserError

DOCUMENTS = [
    "The central bank raised interest rates again.",
    "A dog chased the cat through the garden. " * 10,
    "goal",
    "Interest rates went up, said the bank. " * 200,
]


@pytest.fixture(scope="module")
def embedder(build):
    return build("hf_transformer", batch_size=2)


@pytest.fixture
def tiny(tmp_path):
    """A small random model of any architecture, with MiniLM's own tokenizer."""

    def make(minilm_folder, config, **tokenizer_settings):
        import torch
        from transformers import AutoModel, AutoTokenizer

        torch.manual_seed(0)
        AutoModel.from_config(config).save_pretrained(tmp_path)
        tokenizer = AutoTokenizer.from_pretrained(minilm_folder)
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.save_pretrained(tmp_path)
        (tmp_path / "special_tokens_map.json").unlink()  # the settings say it all
        file = tmp_path / "tokenizer_config.json"
        settings = json.loads(file.read_text()) | tokenizer_settings
        file.write_text(json.dumps({k: v for k, v in settings.items() if v is not None}))
        return str(tmp_path)

    return make


def test_equal_to_minilm_with_the_same_pooling_and_length(build, embedder):
    same = build("minilm")
    ours = build("hf_transformer", max_length=256)
    np.testing.assert_allclose(ours.encode(DOCUMENTS), same.encode(DOCUMENTS), atol=1e-4)
    np.testing.assert_array_equal(ours.truncated_, same.truncated_)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_rows_are_the_same_whatever_stands_beside_them(build, pooling):
    embedder = build("hf_transformer", pooling=pooling, normalise=False)
    together = embedder.encode(DOCUMENTS)
    assert together.dtype == np.float32
    alone = np.vstack([embedder.encode([document]) for document in DOCUMENTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_pooling_is_that_of_the_feature_extraction_pipeline(build, minilm_folder, pooling):
    from transformers import pipeline

    states = pipeline("feature-extraction", str(minilm_folder), framework="pt", device="cpu")
    tokens = np.array(states(DOCUMENTS[0])[0])
    expected = {"mean": tokens.mean(0), "cls": tokens[0], "max": tokens.max(0)}[pooling]
    embedder = build("hf_transformer", pooling=pooling, normalise=False)
    np.testing.assert_allclose(embedder.encode(DOCUMENTS)[0], expected, atol=1e-4)


def test_documents_are_cut_where_the_tokenizer_names_no_maximum(build, minilm_folder, tiny):
    from transformers import BertConfig

    config = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=64,
    )  # fmt: skip
    folder = tiny(minilm_folder, config, model_max_length=None)
    embedder = build("hf_transformer", model=folder)
    assert embedder.encode(DOCUMENTS).shape == (4, 8)
    assert embedder.truncated_.tolist() == [False, True, False, True]
    with pytest.raises(UserError, match=r"^max_length=65.*64"):
        build("hf_transformer", model=folder, max_length=65).encode(DOCUMENTS)


def test_positions_that_a_model_keeps_for_padding_do_not_count(build, minilm_folder, tiny):
    from transformers import RobertaConfig

    config = RobertaConfig(
        vocab_size=31000, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=34, pad_token_id=1, type_vocab_size=2,
    )  # fmt: skip
    embedder = build("hf_transformer", model=tiny(minilm_folder, config, model_max_length=None))
    assert np.isfinite(embedder.encode(DOCUMENTS)).all()
    assert embedder._loaded[2] == 32


def test_an_encoder_decoder_gives_its_encoder(build, minilm_folder, tiny):
    from transformers import T5Config

    config = T5Config(
        vocab_size=31000, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, pad_token_id=0
    )
    folder = tiny(minilm_folder, config, model_input_names=["input_ids", "attention_mask"])
    assert build("hf_transformer", model=folder).encode(DOCUMENTS).shape == (4, 8)


def test_a_decoder_without_padding(build, minilm_folder, tiny):
    from transformers import AutoTokenizer, GPT2Config

    config = GPT2Config(vocab_size=31000, n_embd=8, n_layer=1, n_head=2, n_positions=128)
    folder = tiny(
        minilm_folder, config, tokenizer_class="PreTrainedTokenizerFast", pad_token=None,
        eos_token="[SEP]", model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    assert AutoTokenizer.from_pretrained(folder).pad_token is None
    embedder = build("hf_transformer", model=folder, normalise=False)
    together = embedder.encode(DOCUMENTS)
    np.testing.assert_allclose(together[2:3], embedder.encode(DOCUMENTS[2:3]), atol=1e-5)


def test_a_model_that_cannot_be_loaded(build, tmp_path):
    with pytest.raises(UserError, match="could not be loaded"):
        build("hf_transformer", model=str(tmp_path)).encode(["text"])


def test_an_unknown_model_on_the_hub(build, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        UserError, match=r"^model=no-such-org/no-such-model: it could not be loaded"
    ):
        build("hf_transformer", model="no-such-org/no-such-model").encode(["text"])


def test_out_of_memory_says_what_to_lower(build, embedder, monkeypatch):
    import torch

    def fail(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    broken = build("hf_transformer", batch_size=32)
    monkeypatch.setattr(broken._loaded[1], "forward", fail)
    with pytest.raises(UserError, match=r"Lower batch_size \(now 32\)"):
        broken.encode(["text"])


def test_wrong_pooling(build):
    with pytest.raises(UserError, match=r"^pooling=sum: must be mean"):
        build("hf_transformer", pooling="sum")


def test_the_fingerprint_knows_what_changes_a_vector(build):
    base = build("hf_transformer").fingerprint()
    assert build("hf_transformer", batch_size=1, device="cpu").fingerprint() == base
    for other in (
        {"pooling": "cls"},
        {"normalise": False},
        {"max_length": 9},
        {"precision": "bfloat16"},
    ):
        assert build("hf_transformer", **other).fingerprint() != base
