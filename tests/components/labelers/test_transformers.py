"""Labels by a model in this process: a real one, made here, that knows one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.base import ParameterError, Topic
from components.labelers.transformers import LocalChat, TransformersLabels

SENTENCE = ["{", '"label"', ":", '"Cats"', ",", '"description"', ":", '"On cats."', "}"]
PROMPT = "Words {words} Documents {documents} END"
TOPICS = [Topic(i, 1, ((word, 1.0),), typical=i) for i, word in enumerate(["cat", "dog"])]
DOCUMENTS = ["cats purr", "dogs bark"]


def save_model(folder: Path, *, template: bool, positions: int = 256) -> Path:
    """A Llama whose next token depends on the last one alone: after END comes the sentence.

    Its one layer adds nothing, its embedding gives each token a direction of its own, and its head
    answers with the token that follows.
    """
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    # A token that stands twice in the sentence would have two successors: number them apart.
    chain = ["END", *(f"{token}{' ' * i}" for i, token in enumerate(SENTENCE)), "</s>"]
    vocabulary = {token: number for number, token in enumerate([*chain, "<unk>", "<bot>"])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>",
        additional_special_tokens=["<bot>"],
    )  # fmt: skip
    if template:  # the sentence begins after <bot>, which only the template writes
        fast.chat_template = "{{ messages[0]['content'] }} <bot>"
    n = 16
    config = LlamaConfig(
        vocab_size=n, hidden_size=n, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=positions, tie_word_embeddings=False,
        eos_token_id=vocabulary["</s>"], bos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "layers" in name:
                weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(n))
        head = torch.zeros(n, n)
        first = "<bot>" if template else "END"
        for token, following in zip([first, *chain[1:-1]], chain[1:], strict=True):
            head[vocabulary[following], vocabulary[token]] = 1
        model.lm_head.weight.copy_(head)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    return {
        template: save_model(tmp_path_factory.mktemp("model"), template=template)
        for template in (False, True)
    }


def label(part: TransformersLabels, answers: dict[str, str] | None = None) -> list[Topic]:
    X = np.eye(2, dtype=np.float32)
    return part.label(TOPICS, documents=DOCUMENTS, embeddings=X, rows=np.arange(2), answers=answers)


def part(folder: Path, **options: Any) -> TransformersLabels:
    return TransformersLabels(model=str(folder), prompt=PROMPT, max_new_tokens=20, **options)


@pytest.mark.parametrize("template", [False, True])
def test_labels_and_descriptions(models: dict[bool, Path], template: bool) -> None:
    labels = part(models[template])
    assert [(t.label, t.description) for t in label(labels)] == [("Cats", "On cats.")] * 2
    assert labels.metrics_["n_labels_failed"] == 0
    assert labels.metrics_["label_tokens"] > 2 * len(SENTENCE)


def test_a_second_run_loads_no_model(
    models: dict[bool, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    answers: dict[str, str] = {}
    first = label(part(models[False]), answers)
    assert len(answers) == 2
    monkeypatch.delattr(AutoModelForCausalLM, "from_pretrained")
    again = part(models[False])
    assert label(again, answers) == first
    assert again.metrics_["label_tokens"] == 0


def test_another_model_or_length_is_asked_anew(models: dict[bool, Path]) -> None:
    answers: dict[str, str] = {}
    label(part(models[False]), answers)
    label(part(models[True]), answers)
    short = TransformersLabels(model=str(models[True]), prompt=PROMPT, max_new_tokens=4)
    assert [t.label for t in label(short, answers)] == ["cat", "dog"]  # the answer is cut
    assert short.metrics_["n_labels_failed"] == 2
    assert len(answers) == 6


def test_an_answer_that_is_begun_is_gone_on_with(models: dict[bool, Path]) -> None:
    answers: dict[str, str] = {}
    label(part(models[False]), answers)
    begun = part(models[False], begin=" {")  # what follows the brace comes
    assert [t.label for t in label(begun, answers)] == ["Cats"] * 2
    new = list(answers.values())[2:]
    assert len(new) == 2
    assert all(answer.startswith(" {") and answer.count("{") == 1 for answer in new)


def test_a_prompt_too_long_keeps_the_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small = save_model(tmp_path / "small", template=False, positions=24)
    labels = part(small)
    assert [t.label for t in label(labels)] == ["cat", "dog"]
    assert labels.metrics_["n_labels_failed"] == 2
    assert "lower max_input_tokens" in caplog.text


def test_what_is_no_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ParameterError, match="no such file or folder"):
        LocalChat(model=str(tmp_path / "nothing"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard-of"}))
    labels = part(tmp_path)
    assert [t.label for t in label(labels)] == ["cat", "dog"]
    assert labels.metrics_["n_labels_failed"] == 2
    assert "could not be loaded" in caplog.text


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "huggingface_hub.HfApi.model_info",
        lambda *_, **__: (_ for _ in ()).throw(ConnectionError("no route")),
    )
    with pytest.raises(ParameterError, match="the hub cannot be reached") as error:
        LocalChat(model="somebody/a-small-model")
    assert error.value.name == "model"


def test_wrong_parameters(models: dict[bool, Path]) -> None:
    with pytest.raises(ParameterError) as error:
        LocalChat(model=str(models[False]), max_new_tokens=0)
    assert error.value.name == "max_new_tokens"
