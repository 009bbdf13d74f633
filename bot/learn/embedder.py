"""Fine-tunes the embedding model on board for shops: a question is drawn to what answers it, away from what does not.

One network gives a text's vector, for search, and a vector for each of its tokens, for ranking by late interaction
(Khattab and Zaharia, "ColBERT", 2020): how well each word of the question is met by some word of the text. Both are
trained at once, alone and added up, as in Chen et al., "BGE M3-Embedding", 2024.

The loss is a softmax over the texts of a pool (Henderson et al., "Efficient Natural Language Response Suggestion for
Smart Reply", 2017), where any of several right ones may win, and beside them a fixed one, "none of these", which wins
for a question that nothing answers: so the likeness itself tells answers from near misses. Some questions get a slip of
the keyboard or two. Now and then a few key words out of the texts are asked, too, and are to be as near to each text as
they were before any tuning (distillation, Hinton et al., 2015): a model that only ever hears whole questions forgets
what "usb cable" is near to. A run that was stopped goes on from its last checkpoint when it is started again with the
same arguments.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.learn.pools import Asked, Pool
from retrieval.embedders import IMPORTANCE, SentenceEmbedder

if TYPE_CHECKING:
    from torch import Tensor

QUESTIONS, TEXTS = 24, 120  # of a step, at most, but for the texts that answer
PASSAGES = 28  # where the texts are long
LONG = 300  # characters, on average
TOKENS, TOKENS_OF_LONG = 72, 224
SHARPNESS, SHARPNESS_OF_TOKENS = 20.0, 30.0  # logits for a likeness of 1
NONE = 0.55  # the likeness that "none of these" has at the start; it is learnt
SLIPS = 0.2  # the share of questions that get some
KEY_WORDS = 0.3  # the share of steps that ask some
MOST_KEY_WORDS = 3
LEARNING_RATE, WARM_UP, DECAY = 5e-5, 0.1, 0.01
SAVE_EVERY = 50  # steps
CHECKPOINT, WEIGHTS, RUN = "checkpoint.pt", "model.safetensors", "run.json"
_WORD = re.compile(r"[^\W_][\w'’-]*")
WORDS = "word_embeddings"  # half of the parameters: so few questions would only bend them

Step = tuple[Pool, list[Asked]]


def train(
    pools: Sequence[Pool],
    out: Path,
    start: SentenceEmbedder,
    *,
    epochs: float,
    minutes: float | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> bool:
    """Trains from the model `start`; whether it came to its end within the minutes. Half an epoch is half of a whole
    one's questions.

    `say` is told now and then how far it is, and the mean loss since.
    """
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    model = Model(start, "cuda" if torch.cuda.is_available() else "cpu")
    rounds = [_epoch(pools, random.Random(f"{seed} {epoch}")) for epoch in range(ceil(epochs))]
    steps = [step for steps in rounds for step in steps][: round(epochs * len(rounds[0]))]
    optimizer = torch.optim.AdamW(model.trained, lr=LEARNING_RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: _share(at, len(steps)))
    parts = {"weights": model, "optimizer": optimizer, "schedule": schedule}
    out.mkdir(parents=True, exist_ok=True)
    first = _resume(out / CHECKPOINT, parts)
    began, losses = time.monotonic(), list[float]()
    for at in range(first, len(steps)):
        torch.manual_seed(seed + at)  # so that a run that goes on drops out what it would have
        loss = model.loss(*steps[at], random.Random(f"{seed} {at}"))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.trained, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        over = minutes is not None and time.monotonic() - began > 60 * minutes
        if over or (at + 1) % SAVE_EVERY == 0:
            say(f"{at + 1} of {len(steps)} steps: loss {sum(losses) / len(losses):.4f}")
            losses.clear()
            _save(out / CHECKPOINT, at + 1, parts)
        if over:
            return False
    trained = {name: value.half().cpu().contiguous() for name, value in model.named_trained()}
    save_file(trained, out / WEIGHTS)
    digest = blake2b((out / WEIGHTS).read_bytes(), digest_size=4).hexdigest()
    none = [round(value, 4) for value in model.none.tolist()]
    record = {"name": f"house-{digest}", "steps": len(steps), "epochs": epochs, "seed": seed, "none": none}
    record["start"] = start.name
    (out / RUN).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return True


def _share(at: int, steps: int) -> float:
    """Of the learning rate: up in a line, then down in one."""
    return min(1.0, (at + 1) / (WARM_UP * steps + 1)) * (1 - at / steps)


class Embedded(NamedTuple):
    """Texts as the network sees them, padded: unit vectors of them (texts, dimensions) and of their tokens (texts,
    tokens, dimensions), which of the tokens are there, and how much each counts where the text is a question."""

    whole: Tensor
    tokens: Tensor
    mask: Tensor
    counts: Tensor


class Model:
    """The embedding model in training, its word embeddings frozen."""

    def __init__(self, start: SentenceEmbedder, device: str) -> None:
        import torch

        whole = start.load(device)
        self.tokenizer, self.network, self.device = whole.tokenizer, whole[0].auto_model, device
        self.untuned = start.untuned().load(device)[0].auto_model.eval()
        self.none = torch.nn.Parameter(torch.tensor([NONE, NONE], device=device))
        importance = start.importance()
        size = self.network.config.hidden_size
        self.importance = torch.nn.Parameter((importance if len(importance) == size else torch.zeros(size)).to(device))
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(WORDS not in name)
        self.trained = [*(parameter for _, parameter in self.named_trained()), self.none]

    def named_trained(self) -> Iterator[tuple[str, Tensor]]:
        """What is trained and kept: the network's parameters, and what tells how much a question's tokens count."""
        yield from ((name, value) for name, value in self.network.named_parameters() if value.requires_grad)
        yield IMPORTANCE, self.importance

    def embed(self, texts: Sequence[str], tokens: int) -> Embedded:
        """The texts as vectors of their own, and of their tokens."""
        import torch

        states, mask, whole = self._read(self.network, texts, tokens)
        counts = torch.nn.functional.softplus(states @ self.importance) * mask.squeeze(-1)
        return Embedded(whole, torch.nn.functional.normalize(states, dim=2) * mask, mask.squeeze(-1), counts)

    def _read(self, network: Any, texts: Sequence[str], tokens: int) -> tuple[Tensor, Tensor, Tensor]:
        """What a network makes of each token, shape (texts, tokens, dimensions), which are there, and unit vectors."""
        import torch

        batch = self.tokenizer(list(texts), padding=True, truncation=True, max_length=tokens, return_tensors="pt").to(
            self.device
        )
        with torch.autocast(self.device, dtype=torch.bfloat16):
            states = network(**batch).last_hidden_state.float()
        mask = batch["attention_mask"].unsqueeze(-1).float()
        return states, mask, torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)

    def _forgotten(self, texts: Sequence[str], vectors: Tensor, tokens: int, chance: random.Random) -> Tensor:
        """How differently texts, of these vectors, lie around a few key words from how they lay before any tuning."""
        import torch

        asked = [key_words(text, chance) for text in chance.sample(texts, min(QUESTIONS, len(texts)))]
        with torch.no_grad():
            before = self._read(self.untuned, asked, tokens)[2] @ self._read(self.untuned, texts, tokens)[2].T
        now = self._read(self.network, asked, tokens)[2] @ vectors.T
        return torch.nn.functional.kl_div(
            torch.log_softmax(SHARPNESS * now, dim=1),
            torch.softmax(SHARPNESS * before, dim=1),
            reduction="batchmean",
        )

    def loss(self, pool: Pool, asked: Sequence[Asked], chance: random.Random) -> Tensor:
        """The mean over the questions of how surprising it is that one of the right texts wins; in some steps, and what
        was forgotten of key words."""
        import torch

        self.network.train()
        drawn = _drawn(pool, asked, chance)
        place = {position: at for at, position in enumerate(drawn)}
        long = _is_long(pool)
        tokens = TOKENS_OF_LONG if long else TOKENS
        said = [pool.texts[position] for position in drawn]
        texts = self.embed(said, tokens)
        questions = self.embed([slipped(one.question, chance) for one in asked], tokens)
        likeness = (questions.whole @ texts.whole.T, interaction(questions, texts))
        none = self.none.expand(len(asked), 2)
        by_whole, by_token = (
            torch.cat([like, none[:, at : at + 1]], dim=1) * sharpness
            for at, (like, sharpness) in enumerate(zip(likeness, (SHARPNESS, SHARPNESS_OF_TOKENS), strict=True))
        )
        right = torch.zeros_like(by_whole, dtype=torch.bool)
        counts = torch.ones_like(right)
        for row, one in enumerate(asked):
            for column in (place[position] for position in one.right):
                right[row, column] = True
            if not one.right:
                right[row, -1] = True
            if one.wrong is not None:
                known = one.right | one.wrong
                counts[row, :-1] = torch.tensor([position in known for position in drawn], device=self.device)
        surprises = []
        for logits in (by_whole, by_token, by_whole + by_token):
            likely = torch.log_softmax(logits.masked_fill(~counts, -1e4), dim=1)
            surprises.append(-torch.logsumexp(likely.masked_fill(~right, -1e4), dim=1).mean())
        loss = torch.stack(surprises).mean()
        return loss if chance.random() >= KEY_WORDS else loss + self._forgotten(said, texts.whole, tokens, chance)

    def state_dict(self) -> Mapping[str, Any]:
        """What a checkpoint keeps."""
        return {**dict(self.named_trained()), "none": self.none}

    def load_state_dict(self, kept: Mapping[str, Tensor]) -> None:
        """Takes over what a checkpoint kept."""
        with_none = {**dict(self.named_trained()), "none": self.none}
        for name, value in kept.items():
            with_none[name].data.copy_(value)


def interaction(questions: Embedded, texts: Embedded) -> Tensor:
    """How well the tokens of each question are met in each text, shape (questions, texts), at most 1.

    Each token of the question finds the token of the text that is likest; their mean goes by how much each counts.
    """
    import torch

    pairs = torch.einsum("qid,tjd->qtij", questions.tokens, texts.tokens)
    best = pairs.masked_fill(texts.mask[None, :, None, :] == 0, -1.0).amax(dim=3)
    share = questions.counts / questions.counts.sum(dim=1, keepdim=True)
    return (best * share[:, None, :]).sum(dim=2)


def slipped(question: str, chance: random.Random) -> str:
    """The question, sometimes with a slip or two of a keyboard: letters swapped, left out or doubled."""
    if chance.random() >= SLIPS:
        return question
    letters = list(question)
    for _ in range(chance.randint(1, 2)):
        places = [at for at in range(1, len(letters) - 1) if "".join(letters[at : at + 2]).isalpha()]
        if places:
            at = chance.choice(places)
            pair = letters[at] + letters[at + 1]
            letters[at : at + 2] = chance.choice((pair[::-1], pair[0], pair[0] * 2 + pair[1]))
    return "".join(letters)


def key_words(text: str, chance: random.Random) -> str:
    """One to three neighbouring words of a text, as somebody types them into a search box; of its beginning more often
    than of its end, as names and titles stand there."""
    words = _WORD.findall(text.lower()) or [text]
    number = chance.randint(1, MOST_KEY_WORDS)
    first = int(chance.random() ** 2 * max(1, len(words) - number + 1))
    return " ".join(words[first : first + number])


def _is_long(pool: Pool) -> bool:
    return sum(map(len, pool.texts)) > LONG * len(pool.texts)


def _epoch(pools: Sequence[Pool], chance: random.Random) -> list[Step]:
    """Every question once, those of a step from one pool."""
    steps: list[Step] = []
    for pool in pools:
        asked = chance.sample(pool.asked, len(pool.asked))
        steps += [(pool, asked[start : start + QUESTIONS]) for start in range(0, len(asked), QUESTIONS)]
    chance.shuffle(steps)
    return steps


def _drawn(pool: Pool, asked: Sequence[Asked], chance: random.Random) -> list[int]:
    """The texts of a step: those that answer, those that are known not to, and others by lot."""
    needed = set[int]().union(*(one.right | (one.wrong or frozenset()) for one in asked))
    others = [position for position in range(len(pool.texts)) if position not in needed]
    if all(one.wrong is not None for one in asked):
        return sorted(needed)
    room = max(0, (PASSAGES if _is_long(pool) else TEXTS) - len(needed))
    return sorted(needed) + chance.sample(others, min(room, len(others)))


def _save(path: Path, step: int, parts: Mapping[str, Any]) -> None:
    """Writes the checkpoint whole or not at all."""
    import torch

    torch.save({"step": step, **{name: part.state_dict() for name, part in parts.items()}}, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def _resume(path: Path, parts: Mapping[str, Any]) -> int:
    """Takes over the checkpoint, if there is one; the step to go on with."""
    import torch

    if not path.exists():
        return 0
    kept = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(kept[name])
    return int(kept["step"])
