"""Linear layers on a CPU: their weights packed once for oneDNN's products.

torch hands a float32 `Linear` to MKL, which takes narrower instructions on processors that are
not Intel's; oneDNN compiles the product for the processor at hand, from weights that it has put
in the order it reads them. The operators are those that ``torch.compile`` puts in the place of
``Linear`` when it freezes a model, without its compiler. See experiments/encoding.
"""

from __future__ import annotations

from typing import Any

import torch


class PackedLinear(torch.nn.Module):  # type: ignore[misc]
    """What `linear` computes, by oneDNN, for inference; who reads its weight has it unpacked."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = None if linear.bias is None else linear.bias.detach()
        self._pack(linear.weight)

    def _pack(self, weight: torch.Tensor) -> None:
        # Neither parameter nor buffer: a packed tensor can be neither moved nor copied.
        self._packed = [torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)]

    @property
    def weight(self) -> torch.Tensor:
        """float32 (out_features, in_features)."""
        return self._packed[0].to_dense()

    def __getstate__(self) -> dict[str, Any]:  # for copies and pickles
        return {**self.__dict__, "_packed": self.weight}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._pack(state["_packed"])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            inputs, self._packed[0], self.bias, "none", [], ""
        )
        return output
