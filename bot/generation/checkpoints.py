"""Weights from disk or the hub: a causal language model with its tokenizer, and a LoRA over it.

transformers and PEFT fill what is missing with random weights, or leave out what does not fit, and go on; here both
are errors. Only safetensors are read, because a pickle can run code, and no code that comes with a model is run.
"""

from __future__ import annotations

import copy
import logging
import warnings
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.errors import GenerationError

log = logging.getLogger(__name__)

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "tekken.json")


def load_base(name: str) -> tuple[Any, Any]:
    """The network and the tokenizer in a folder, or on the hub under that name; bfloat16 on CUDA, else float32.

    Raises GenerationError, in one line, for whatever is missing, damaged or not safetensors.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # a second's work, on the standard error of every command
    source, advice = _source(name)
    on_gpu = torch.cuda.is_available()
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
        if getattr(config, "is_decoder", True) is False and not config.is_encoder_decoder:
            # transformers warns, and goes on
            raise GenerationError(f"generator {name!r} is an encoder, which cannot write; give a causal language model")
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        network, report = AutoModelForCausalLM.from_pretrained(
            source,
            config=config,
            dtype=torch.bfloat16 if on_gpu else torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        network = _placed(network, name) if on_gpu else network
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
        raise GenerationError(f"generator {name!r} cannot be loaded: {first_line(error)}; {advice}") from error
    absent = sorted(map(str, report["missing_keys"]))
    if absent:  # transformers would make them up at random and go on
        raise GenerationError(f"generator {name!r} lacks {len(absent)} of its weights ({absent[0]}, ...); {advice}")
    return network, tokenizer


def _placed(network: Any, name: str) -> Any:
    """The network on the GPU, or, where it has no room there, on the CPU."""
    import torch

    try:
        return network.to("cuda")
    except torch.OutOfMemoryError as error:
        log.warning(
            "generator %r does not fit the GPU (%s): it runs on the CPU, which is slower; use a smaller model, or make "
            "room and start again",
            name,
            first_line(error),
        )
        return network.to("cpu", torch.float32)


def _source(name: str) -> tuple[str, str]:
    """What to load from, and what to do if that fails. Raises GenerationError for a folder that cannot hold a model."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or folder.exists() or name.startswith((".", "~")) or name.count("/") > 1:
            raise GenerationError(f"there is no model folder {name!r}; give a folder, a hub name or `extractive`")
        return name, "it is no folder here: fetch it from the hub while online, or give a folder"
    files = {path.name for path in folder.iterdir()}
    if "config.json" not in files:
        raise GenerationError(f"model folder {name!r} has no config.json; give the folder that save_pretrained wrote")
    if not any(file.endswith(".safetensors") for file in files):
        pickled = any(file.endswith((".bin", ".pt", ".pth")) for file in files)
        what = "only pickled weights (which can run code)" if pickled else "no weights"
        raise GenerationError(f"model folder {name!r} holds {what}; save it with save_pretrained, as safetensors")
    if not files.intersection(TOKENIZER_FILES):  # transformers would make up an empty tokenizer and go on
        raise GenerationError(f"model folder {name!r} has no tokenizer; save the model's tokenizer there too")
    return str(folder), "copy or save the model again"


def shared(network: Any) -> Any:
    """A second network over the very same weights, none of them copied: a LoRA over one leaves the other alone."""
    weights = (*network.parameters(), *network.buffers())
    return copy.deepcopy(network, {id(weight): weight for weight in weights})


def load_lora(network: Any, base: str, folder: Path) -> Any:
    """The network with the LoRA of that folder over it, not merged; `base` is the network's name for messages.

    Raises GenerationError, in one line, if PEFT or a file is missing, or any weight has no match in the network.
    """
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / file).is_file():
            raise GenerationError(f"LoRA folder {str(folder)!r} has no {file}; give the folder that PEFT saved")
    try:
        from peft import PeftModel, get_peft_model_state_dict
    except ImportError as error:
        raise GenerationError(
            f"the LoRA {str(folder)!r} needs the package peft: pip install 'shopdesk[lora]'"
        ) from error
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / "adapter_model.safetensors", framework="pt") as stored:
            given = set(stored.keys())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # keys that are missing are refused below, the rest is not about this LoRA
            adapted = PeftModel.from_pretrained(network, str(folder), is_trainable=False)
        wanted = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, SafetensorError) as error:
        raise GenerationError(
            f"the LoRA {str(folder)!r} does not fit {base!r}: {first_line(error)}; train it on this base model"
        ) from error
    # PEFT leaves out what it finds no place for.
    strange = sorted(key for key in given ^ wanted if "lora_" in key)
    if strange:
        raise GenerationError(
            f"the LoRA {str(folder)!r} does not fit {base!r}: {len(strange)} of its weights have no match "
            f"({strange[0]}, ...); train it on this base model"
        )
    return adapted


def first_line(error: BaseException) -> str:
    """The part of another library's message that says what went wrong, for a message of one line."""
    text = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__]
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return first.rstrip(".")
