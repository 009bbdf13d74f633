"""A trained judge as the graph that is shipped: 8-bit weights, for ONNX Runtime on any CPU."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bot.judge import GRAPH, LENGTH, TOKENIZER


def export(trained: Path, out: Path) -> None:
    """Writes `model.onnx` (pairs of token ids to probabilities) and `tokenizer.json` into `out`."""
    import onnx
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(trained, attn_implementation="eager").eval()

    class Probability(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            found = self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
            return torch.sigmoid(found.logits[:, 0])

    out.mkdir(parents=True, exist_ok=True)
    AutoTokenizer.from_pretrained(trained).backend_tokenizer.save(str(out / TOKENIZER))
    ids = torch.full((2, 8), 100)
    mask = torch.tensor([[1] * 8, [1] * 5 + [0] * 3])  # without padding the exporter takes the mask for a constant
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=LENGTH)}
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / GRAPH
        torch.onnx.export(
            Probability().eval(),
            (ids, mask, torch.zeros_like(ids)),
            str(exact),
            input_names=["input_ids", "attention_mask", "token_type_ids"],
            dynamic_shapes=(axes, axes, axes),
            external_data=False,
            verbose=False,
        )
        graph = onnx.load(exact)
        del graph.graph.value_info[:]  # the exporter's shapes of what lies in between, which the quantiser trips over
        onnx.save(graph, exact)
        quantize_dynamic(exact, out / GRAPH, per_channel=True, weight_type=QuantType.QInt8)
