"""A model's linear layers are replaced by faster ones that compute the same."""

import copy
import pickle
import platform

import pytest
import torch
from transformers import AutoConfig, AutoModel

from components.embedders.packed_linear import PackedLinear
from components.embedders.torch_models import packed

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="layers are packed on x86-64"
)
SMALL = {"vocab_size": 50, "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}
CONFIGS = {
    "bert": {**SMALL, "intermediate_size": 64},
    "mpnet": {**SMALL, "intermediate_size": 64},
    "xlm-roberta": {**SMALL, "intermediate_size": 64},
    "modernbert": {**SMALL, "intermediate_size": 64, "pad_token_id": 0},
    "distilbert": {"vocab_size": 50, "dim": 32, "n_heads": 2, "n_layers": 2, "hidden_dim": 64},
    "t5": {"vocab_size": 50, "d_model": 32, "num_heads": 2, "d_kv": 16, "num_layers": 2},
}


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.inference_mode():
        yield


def kinds(model):
    """Names of the classes of what looks like a linear layer."""
    return {type(module).__name__ for module in model.modules() if hasattr(module, "in_features")}


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_computes_what_it_did_for_every_shape_of_input(bias):
    linear = torch.nn.Linear(24, 40, bias=bias)
    layer = PackedLinear(linear)
    torch.testing.assert_close(layer.weight, linear.weight, rtol=0, atol=0)
    for shape in [(24,), (0, 24), (1, 24), (5, 24), (2, 9, 24), (2, 3, 4, 24)]:
        inputs = torch.randn(shape)
        torch.testing.assert_close(layer(inputs), linear(inputs))
    strided = torch.randn(2, 9, 24)[:, 0]
    torch.testing.assert_close(layer(strided), linear(strided))


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_model_computes_what_it_did(kind):
    torch.manual_seed(0)
    model = AutoModel.from_config(AutoConfig.for_model(kind, **CONFIGS[kind]))
    model = (model.get_encoder() if kind == "t5" else model).eval()
    inputs = {
        "input_ids": torch.randint(3, 50, (3, 7)),
        "attention_mask": torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] + [0] * 6]),
    }
    expected = model(**inputs).last_hidden_state
    dtype, device = model.dtype, model.device
    assert kinds(packed(model)) == {"PackedLinear"}
    states = model(**inputs).last_hidden_state
    filled = inputs["attention_mask"].bool()
    torch.testing.assert_close(states[filled], expected[filled], rtol=1e-4, atol=1e-5)
    assert (model.dtype, model.device) == (dtype, device)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_computes_the_same(copied):
    model = packed(torch.nn.Sequential(torch.nn.Linear(6, 4)))
    inputs = torch.randn(3, 6)
    torch.testing.assert_close(copied(model)(inputs), model(inputs), rtol=0, atol=0)


class Scaled(torch.nn.Linear):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


def test_layers_of_another_kind_or_precision_stay():
    before, after = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    before.register_forward_pre_hook(lambda *_: None)
    after.register_forward_hook(lambda *_: None)
    model = torch.nn.Sequential(Scaled(3, 3), before, after, torch.nn.Linear(3, 3).half())
    assert kinds(packed(model)) == {"Scaled", "Linear"}


@pytest.mark.parametrize("option", ["minilm", "hf_transformer"])
def test_embedders_use_them(build, option):
    embedder = build(option, device="cpu")
    embedder.encode(["a text", "another"])
    assert "PackedLinear" in kinds(embedder._models[0])
