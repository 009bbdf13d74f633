"""The hot swap: what speaks follows the pointer between two replies, and the base is what it was, to the bit."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from langchain_core.language_models import BaseChatModel
from peft import LoraConfig, get_peft_model
from test_generators import QUESTION

from bot.conversations import Conversations
from bot.engine import Engine, joined
from bot.errors import LearningError
from bot.generation.checkpoints import load_base
from bot.generation.generators import describe, load_generator
from bot.generation.house_chat import HouseChatModel
from bot.generation.swapping import LearntChatModel, learnt, speaking
from bot.generation.transformers_chat import TransformersChatModel, plain_text
from bot.learn.pointer import FILE, promote, read, roll_back
from bot.learn.runs import Run, Runs, fingerprint, finish
from bot.learn.trial import Bounds, settle
from bot.settings import Settings
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.commands import write_shop
from tests.fakes import HashEmbedder
from tests.learn_runs import run_of, tiny_base

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with a chat template, and room for the desk's own prompts."""
    return Path(tiny_base(tmp_path_factory.mktemp("base"), positions=8192))


def trained(home: Path, base: Path, seed: int, **config: Any) -> Run:
    """A finished run over that base, whose LoRA is drawn by the seed."""

    def write(folder: Path) -> None:
        network, _ = load_base(str(base))
        settings = {"r": 4, "target_modules": ["q_proj", "v_proj"], **config}
        adapted = get_peft_model(network, LoraConfig(**settings))
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, 0, 1.0, generator=torch.Generator().manual_seed(seed))
        adapted.save_pretrained(folder, save_embedding_layers=False)

    return run_of(home, write, base=str(base), base_fingerprint=fingerprint(str(base)))


def opened(base: Path, home: Path) -> LearntChatModel:
    model = learnt(load_generator(str(base), max_new_tokens=24), home)
    assert isinstance(model, LearntChatModel)
    return model


def said(model: BaseChatModel, conversation: str = "any") -> str:
    return "".join(plain_text(chunk) for chunk in speaking(model, conversation).stream(QUESTION))


def speaks(model: BaseChatModel, conversation: str = "any") -> str:
    return describe(speaking(model, conversation))["lora"]


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within half a minute."""
    for _ in range(3000):
        if holds():
            return True
        time.sleep(0.01)
    return False


def weights(model: TransformersChatModel | HouseChatModel) -> dict[str, torch.Tensor]:
    assert isinstance(model, TransformersChatModel)
    return {name: weight.clone() for name, weight in model.network.state_dict().items()}


def test_a_promotion_is_followed_and_a_roll_back_gives_the_same_text_again(base: Path, tmp_path: Path) -> None:
    model = opened(base, tmp_path)
    before, untouched = said(model), weights(model.base)
    assert (speaks(model), before) == ("", load_generator(str(base), max_new_tokens=24).invoke(QUESTION).content)
    texts = {}
    for seed in (1, 2):
        run = trained(tmp_path, base, seed)
        promote(tmp_path, run.id, model.base_fingerprint)
        assert soon(lambda run=run: speaks(model) == run.id)  # type: ignore[misc]  # a default of a lambda
        texts[run.id] = said(model)
        alone = load_generator(str(base), lora=run.lora, max_new_tokens=24)
        assert texts[run.id] == alone.invoke(QUESTION).content
    first, _ = texts
    assert len({before, *texts.values()}) == 3
    roll_back(tmp_path)
    assert soon(lambda: speaks(model) == first)
    assert said(model) == texts[first]
    roll_back(tmp_path)
    assert soon(lambda: speaks(model) == "")
    assert said(model) == before
    after = weights(model.base)
    assert all(torch.equal(after[name], weight) for name, weight in untouched.items())
    assert set(after) == set(untouched)


def test_a_lora_more_costs_no_second_base(base: Path, tmp_path: Path) -> None:
    model = load_generator(str(base))
    assert isinstance(model, TransformersChatModel)
    other = model.with_lora(trained(tmp_path, base, 1).lora, "run")
    places = {weight.data_ptr() for weight in model.network.parameters()}
    own = [name for name, weight in other.network.named_parameters() if weight.data_ptr() not in places]
    assert own
    assert all("lora_" in name for name in own)


def test_a_reply_under_way_ends_with_the_model_that_it_began_with(base: Path, tmp_path: Path) -> None:
    model = opened(base, tmp_path)
    whole = said(model)
    with closing(speaking(model, "any").stream(QUESTION)) as stream:  # type: ignore[type-var]  # a generator
        text = "".join(plain_text(next(stream)) for _ in range(3))
        promote(tmp_path, trained(tmp_path, base, 1).id, model.base_fingerprint)
        assert soon(lambda: speaks(model) != "")
        text += "".join(plain_text(chunk) for chunk in stream)
    assert text == whole != said(model)


class Slow(TransformersChatModel):
    """Takes its time to load a LoRA."""

    let_go: Any = None

    def with_lora(self, folder: Path, name: str) -> Slow:
        assert self.let_go.wait(30)
        return super().with_lora(folder, name)


def test_while_a_lora_is_loaded_the_old_one_speaks_and_the_last_promotion_wins(base: Path, tmp_path: Path) -> None:
    let_go = threading.Event()
    model = LearntChatModel.over(Slow.load(str(base), let_go=let_go, max_new_tokens=8), tmp_path)
    first, second = trained(tmp_path, base, 1), trained(tmp_path, base, 2)
    promote(tmp_path, first.id, model.base_fingerprint)
    assert speaks(model) == ""
    promote(tmp_path, second.id, model.base_fingerprint)
    assert [thread.name for thread in threading.enumerate()].count("lora") == 1
    assert {speaks(model) for _ in range(20)} == {""}
    let_go.set()
    assert soon(lambda: speaks(model) == second.id)


def damaged(run: Run) -> None:
    path = run.lora / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def resealed(run: Run) -> None:
    """As a run whose LoRA was always like this."""
    finish(
        run.folder,
        base=run.base,
        base_fingerprint=run.base_fingerprint,
        examples=run.examples,
        seed=0,
        settings={},
        figures={},
    )


def of_another_rank(run: Run) -> None:
    path = run.lora / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "r": 8}))
    resealed(run)


def of_another_base(run: Run) -> None:
    record = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({**record, "base_fingerprint": "c" * 64}))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (damaged, "its LoRA is damaged"),
        (of_another_rank, "size mismatch"),
        (of_another_base, "the base has changed under it"),
    ],
)
def test_a_lora_that_does_not_fit_is_told_once_and_what_spoke_goes_on(
    spoil: Callable[[Run], None], named: str, base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = trained(tmp_path, base, 1), trained(tmp_path, base, 2)
    promote(tmp_path, good.id, fingerprint(str(base)))
    model = opened(base, tmp_path)
    before = said(model)
    promote(tmp_path, bad.id, model.base_fingerprint)
    spoil(bad)
    assert speaks(model) == good.id
    assert soon(lambda: "goes on" in caplog.text)
    assert [said(model) for _ in range(3)] == [before] * 3
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert named in line
    assert line.endswith(f"{good.id} goes on")
    assert "\n" not in line
    caplog.clear()
    again = opened(base, tmp_path)  # a restart: the newest earlier one that fits
    assert (speaks(again), said(again)) == (good.id, before)
    damaged(good)
    assert speaks(opened(base, tmp_path)) == ""


def test_a_lora_of_another_vocabulary_is_refused(base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    larger = tmp_path / "larger"
    network, tokenizer = load_base(str(base))
    network.resize_token_embeddings(400)
    network.save_pretrained(larger)
    tokenizer.save_pretrained(larger)
    run = trained(tmp_path, larger, 1, target_modules=["lm_head"])
    record = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({**record, "base_fingerprint": fingerprint(str(base))}))
    promote(tmp_path, run.id, fingerprint(str(base)))
    model = opened(base, tmp_path)
    assert speaks(model) == ""
    assert "does not fit" in caplog.text


def test_a_pointer_that_is_damaged_changes_nothing(
    base: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = trained(tmp_path, base, 1)
    promote(tmp_path, run.id, fingerprint(str(base)))
    model = opened(base, tmp_path)
    (tmp_path / "learn" / FILE).write_text("{")
    speaks(model)
    assert soon(lambda: "cannot be read" in caplog.text)
    assert speaks(model) == run.id
    assert speaks(opened(base, tmp_path)) == ""


def test_the_canary_speaks_in_its_conversations(base: Path, tmp_path: Path) -> None:
    first, second = trained(tmp_path, base, 1), trained(tmp_path, base, 2)
    promote(tmp_path, first.id, fingerprint(str(base)))
    promote(tmp_path, second.id, fingerprint(str(base)), share=0.3)
    model = opened(base, tmp_path)
    conversations = [f"conversation-{number}" for number in range(40)]
    heard = {conversation: speaks(model, conversation) for conversation in conversations}
    assert heard == {conversation: read(tmp_path).run_for(conversation) for conversation in conversations}
    assert set(heard.values()) == {first.id, second.id}
    assert describe(model)["lora"] == first.id


def test_a_house_generator_speaks_with_a_lora_too(base: Path, tmp_path: Path) -> None:
    model = HouseChatModel(inner=TransformersChatModel.load(str(base)))
    run = trained(tmp_path, base, 1)
    promote(tmp_path, run.id, fingerprint(str(base)))
    learning = learnt(model, tmp_path)
    assert describe(learning) == {"model": str(base), "lora": run.id}
    assert isinstance(speaking(learning, "any"), HouseChatModel)


def test_what_has_no_weights_here_stays_as_it_is(tmp_path: Path) -> None:
    model = load_generator("extractive")
    assert learnt(model, tmp_path) is model
    assert speaking(model, "any") is model


@contextmanager
def desk(base: Path, home: Path) -> Iterator[Engine]:
    """An engine whose model follows the pointer."""
    snapshots = Snapshots(home / "index")
    update([write_shop(home / "shop")], snapshots, HashEmbedder())
    retriever = Retriever(snapshots=snapshots, embedder=HashEmbedder())
    model = learnt(load_generator(str(base), max_new_tokens=2), home)
    with Conversations(home / "desk.sqlite") as store:
        yield Engine(retriever, model, store, Settings(home=home), stand_in=True)


def asked(engine: Engine, conversation: str = "") -> tuple[str, str]:
    """The turn of one more reply, and the LoRA that spoke."""
    conversation = engine.start("terminal", conversation=conversation or None)
    message = str(len(engine.turns(conversation)))
    turn = joined(engine.reply(conversation, message, "Delivery to Ireland costs?")).turn
    return turn, engine.store.turn(turn).explanation["lora"]


def test_a_canary_that_shoppers_rate_down_speaks_no_more(base: Path, tmp_path: Path) -> None:
    run = trained(tmp_path, base, 1)
    with desk(base, tmp_path) as engine:
        promote(tmp_path, run.id, run.base_fingerprint, share=0.5)
        assert soon(lambda: speaks(engine.generator, "c0") == (read(tmp_path).run_for("c0") or ""))
        heard = {number: asked(engine, f"c{number}") for number in range(30)}
        spoke = {number for number, (_, lora) in heard.items() if lora == run.id}
        assert 8 <= len(spoke) <= 22
        for number, (turn, _) in heard.items():
            engine.rate(turn, f"visitor {number}", "down" if number in spoke else "up")
        told = settle(tmp_path, engine.store, Bounds(at_least=8))
        assert told is not None
        assert told["decision"] == "rolled back"
        assert (told["canary"]["rated"], told["others"]["rated"]) == (len(spoke), 30 - len(spoke))
        assert soon(lambda: asked(engine, f"c{min(spoke)}")[1] == "")


def test_each_turn_records_the_lora_that_spoke(base: Path, tmp_path: Path) -> None:
    run = trained(tmp_path, base, 1)
    recorded: list[str] = []
    with desk(base, tmp_path) as engine:

        def ask() -> str:
            recorded.append(asked(engine)[1])
            return recorded[-1]

        assert ask() == ""
        promote(tmp_path, run.id, run.base_fingerprint)
        assert soon(lambda: ask() == run.id)
        assert engine.ready()["lora"] == run.id
        roll_back(tmp_path)
        assert soon(lambda: ask() == "")


def test_a_run_that_is_not_there_is_not_promoted(tmp_path: Path) -> None:
    with pytest.raises(LearningError, match="no finished run 'none'"):
        promote(tmp_path, "none", "b")
    assert Runs(tmp_path).all() == []
