"""A generator that cannot be loaded, or fails: one clear line, and the composer goes on in its place."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from langchain_core.messages import BaseMessage, HumanMessage
from peft import LoraConfig, get_peft_model
from test_generators import CHATML, tiny_config, tiny_network, tiny_tokenizer
from transformers import BertConfig, BertLMHeadModel, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from adapters.wiring import open_engine
from bot.conversations import Conversations
from bot.engine import Engine, joined
from bot.errors import GenerationError
from bot.generation.generators import TransformersChatModel, load_generator
from bot.messages import Reply
from bot.settings import Settings, load_settings
from retrieval.retriever import Retriever
from tests.commands import COMMAND, Ran, shopdesk
from tests.fakes import ScriptedGenerator

QUESTION = "How much is delivery to Ireland?"
COST, LONG = "Delivery to Ireland costs £9.00.", "It takes 5 working days to Ireland."
COMPOSED = "composed of the documents' own sentences"

pytestmark = [
    pytest.mark.usefixtures("blank"),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]


def save(network: Any, folder: Path) -> Path:
    network.save_pretrained(folder)
    tiny_tokenizer(CHATML).save_pretrained(folder)
    return folder


def damaged(folder: Path) -> Path:
    """A model that loads, and whose scores are not numbers."""
    network = tiny_network("llama")
    network.config.max_position_embeddings = 2000
    with torch.no_grad():
        network.model.norm.weight.fill_(float("nan"))
    return save(network, folder)


def without_weights(folder: Path) -> Path:
    (save(tiny_network("gpt2"), folder) / "model.safetensors").unlink()
    return folder


def pickled(folder: Path) -> Path:
    weights = without_weights(folder) / "pytorch_model.bin"
    weights.write_bytes(b"a pickle")
    return folder


def of_another_architecture(folder: Path) -> Path:
    return save(
        T5ForConditionalGeneration(T5Config(vocab_size=32, d_model=8, d_ff=8, num_layers=1, num_heads=1)), folder
    )


def an_encoder(folder: Path) -> Path:
    """A model that transformers would load, and that reads from right to left too."""
    config = BertConfig(
        vocab_size=320, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    return save(BertLMHeadModel(config), folder)


def answered(ran: Ran, words: str) -> None:
    """The desk answered, and said in one line what is wrong with the generator."""
    assert (ran.status, COST in ran.out) == (0, True), ran
    (line,) = [line for line in ran.err.splitlines() if not line.startswith("Loading weights")]
    assert line.startswith("WARNING ")
    assert words in line
    assert COMPOSED in line
    assert QUESTION not in line


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder, "there is no model folder"),
        (without_weights, "holds no weights"),
        (pickled, "only pickled weights (which can run code)"),
        (of_another_architecture, "cannot be loaded"),
        (an_encoder, "is an encoder"),
        (damaged, "are not numbers (NaN)"),
    ],
    ids=["absent", "no weights", "pickle", "architecture", "encoder", "damaged"],
)
def test_a_folder_that_cannot_be_used(home: Path, tmp_path: Path, make: Callable[[Path], Path], words: str) -> None:
    folder = make(tmp_path / "model")
    answered(shopdesk(home, "ask", QUESTION, env={"SHOPDESK_GENERATOR": str(folder)}), words)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SHOPDESK_GENERATOR": "remote:nobody:model"}, "'remote:nobody:model' cannot be used"),
        ({"SHOPDESK_LORA": "/nope"}, "needs a local base model"),
    ],
)
def test_a_setting_that_names_nothing(home: Path, settings: dict[str, str], words: str) -> None:
    answered(shopdesk(home, "ask", QUESTION, env=settings), words)


def test_a_lora_whose_vocabulary_does_not_fit(home: Path, tmp_path: Path) -> None:
    base = save(tiny_network("llama"), tmp_path / "base")
    config = tiny_config("llama")
    config.vocab_size = 330
    adapted = get_peft_model(
        LlamaForCausalLM(config), LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"])
    )
    adapted.save_pretrained(tmp_path / "lora", save_embedding_layers=False)
    env = {"SHOPDESK_GENERATOR": str(base), "SHOPDESK_LORA": str(tmp_path / "lora")}
    answered(shopdesk(home, "ask", QUESTION, env=env), "size mismatch")


def test_a_prompt_that_can_never_fit(home: Path, tmp_path: Path) -> None:
    folder = save(tiny_network("llama"), tmp_path / "model")  # 256 positions, and the instructions alone have more
    answered(shopdesk(home, "ask", QUESTION, env={"SHOPDESK_GENERATOR": str(folder)}), "more than the 256")


def test_the_doctor_says_that_a_generator_cannot_be_loaded_and_who_writes_instead(home: Path) -> None:
    ran = shopdesk(home, "doctor", env={"SHOPDESK_GENERATOR": "/nope"})
    assert ran.status == 1
    (problem,) = ran.value["problems"]
    assert "there is no model folder '/nope'" in problem
    assert COMPOSED in problem


def test_the_served_desk_answers_and_the_doctor_knows(home: Path, tmp_path: Path) -> None:
    env = {"SHOPDESK_GENERATOR": str(damaged(tmp_path / "model"))}
    command = [*COMMAND, "serve", "--port", "0", "--home", str(home)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}) as server:
        assert server.stderr is not None
        try:
            told = ""
            while not (address := re.search(r"http://127\.0\.0\.1:\d+", told)):
                line = server.stderr.readline()
                assert line, told
                told += line
            for message in ("1", "2"):
                shopper = httpx.post(f"{address[0]}/api/conversations").json()["conversation"]
                asked = {"message_id": message, "text": QUESTION}
                reply = httpx.post(f"{address[0]}/api/conversations/{shopper}/messages", json=asked, timeout=60).text
                assert COST in reply.replace("\\u00a3", "£")
                assert "event: error" not in reply
        finally:
            server.send_signal(signal.SIGTERM)
        told += server.stderr.read()
        assert server.wait(60) == 0
    warnings = [line for line in told.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 2  # one for each reply
    assert all("NaN" in line and COMPOSED in line for line in warnings)
    (problem,) = shopdesk(home, "doctor", env=env).value["problems"]
    assert "failed in 2 of the last day's 2 replies" in problem


# In the middle of a reply


def ask(tmp_path: Path, retriever: Retriever, generator: Any) -> tuple[Reply, dict[str, Any]]:
    """The reply, and what is kept of how it came about."""
    with Conversations(tmp_path / "shopdesk.db") as store:
        engine = Engine(retriever, generator, store, Settings(home=tmp_path), stand_in=True)
        conversation = engine.start("web")
        reply = joined(engine.reply(conversation, "1", QUESTION))
        return reply, dict(engine.turns(conversation)[0].explanation)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_that_fails_in_the_middle_is_helped_out_and_nothing_is_said_twice(
    retriever: Retriever, tmp_path: Path, caplog: pytest.LogCaptureFixture, at: int
) -> None:
    scripted = ScriptedGenerator()
    scripted.enqueue(f"{COST} ", "It ta", "kes", error=RuntimeError("out of memory\nand a trace"), error_at=at)
    reply, explanation = ask(tmp_path, retriever, scripted)
    assert reply.text.count(COST) == 1
    assert reply.outcome == "answer"
    assert [source.document for source in reply.sources] == ["policies/delivery.md"]
    assert explanation["composed"] == "failed"
    (warning,) = caplog.messages
    assert "the model failed: RuntimeError: out of memory" in warning
    assert "Ireland" not in warning


def test_one_that_does_not_fail_is_not_helped(retriever: Retriever, tmp_path: Path) -> None:
    scripted = ScriptedGenerator()
    scripted.enqueue(COST)
    reply, explanation = ask(tmp_path, retriever, scripted)
    assert (reply.text, "composed" in explanation) == (COST, False)


def test_a_generator_that_is_measured_is_not_helped(home: Path, tmp_path: Path) -> None:
    settings = load_settings(home=home, generator=str(damaged(tmp_path / "model")))
    with (
        open_engine(settings, stand_in=False) as engine,
        pytest.raises(GenerationError, match="NaN"),
    ):
        joined(engine.reply(engine.start("web"), "1", QUESTION))
    absent = settings.model_copy(update={"generator": "/nope"})
    with pytest.raises(GenerationError, match="no model folder"), open_engine(absent, stand_in=False):
        pass


# A prompt longer than the context


@pytest.mark.parametrize("question", [QUESTION, "Can I return boots that I wore outside?"])
def test_what_does_not_fit_leaves_and_the_model_answers_itself(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    prompts: list[str] = []
    fitting = TransformersChatModel._fitting_prompt

    def seen(self: TransformersChatModel, messages: Sequence[BaseMessage], reply: int) -> list[int]:
        prompt = fitting(self, messages, reply)
        assert len(prompt) + reply <= self.network.config.max_position_embeddings
        prompts.append(self.tokenizer.decode(prompt))
        return prompt

    monkeypatch.setattr(TransformersChatModel, "_fitting_prompt", seen)
    network = tiny_network("llama")
    room = 4000
    for _ in range(2):
        network.config.max_position_embeddings = room
        settings = load_settings(home=home, generator=str(save(network, tmp_path / f"{room}")), max_new_tokens=8)
        with open_engine(settings) as engine:
            conversation = engine.start("web")
            joined(engine.reply(conversation, "1", question))
            assert engine.turns(conversation)[0].explanation.get("composed") != "failed"
        room = len(tiny_tokenizer().encode(prompts[0])) + 7  # one token too few for the whole
    whole, reduced = prompts
    assert len(reduced) < len(whole)
    assert all(f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n" in prompt for prompt in prompts)
    passages = [prompt.count("\n\n[") for prompt in prompts]
    assert 1 <= passages[1] < passages[0]


# A GPU that is full


def test_a_model_that_the_gpu_has_no_room_for_runs_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save(tiny_network("llama"), tmp_path / "model")
    expected = load_generator(str(folder), max_new_tokens=8).invoke([HumanMessage("Boots?")]).content
    to = torch.nn.Module.to

    def full(self: Any, *where: Any, **how: Any) -> Any:
        if where[:1] == ("cuda",):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return to(self, *where, **how)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "to", full)
    model: Any = load_generator(str(folder), max_new_tokens=8)
    assert {(weight.device.type, weight.dtype) for weight in model.network.parameters()} == {("cpu", torch.float32)}
    (warning,) = caplog.messages
    assert "does not fit the GPU (CUDA out of memory. Tried to allocate 2.00 GiB): it runs on the CPU" in warning
    assert isinstance(expected, str)
    assert isinstance(model.invoke([HumanMessage("Boots?")]).content, str)
