"""The loss of a run by step: lines of JSON as they come, and a picture of them.

A line is `{"phase", "step", "of", "seconds", "loss", ...}`, with what else the trainer measured. A private training has
a loss only of what is public in it, which may be nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.learn.runs import write_whole

FILE, PICTURE = "curves.jsonl", "curves.png"
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 300, 70, 46, 44  # pixels; height of each phase's part
INK, FAINT, LINE, RAW = "#222222", "#d9d9d9", "#1f5fa8", "#b9cfe8"
TICKS = 4
Line = dict[str, Any]


class Curves:
    """The curves of one run; what a run that goes on measures again takes the place of what was there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / FILE
        self.lines: list[Line] = []
        for text in path.read_text("utf-8").splitlines() if path.exists() else []:
            try:
                self.lines.append(json.loads(text))
            except ValueError:  # the last line of a run that was killed
                break

    @property
    def seconds(self) -> float:
        """How long the run has trained so far."""
        return max((float(line["seconds"]) for line in self.lines), default=0.0)

    def add(self, line: Line) -> None:
        """Keeps a measurement."""
        again = [kept for kept in self.lines if kept["phase"] == line["phase"] and kept["step"] >= line["step"]]
        if again:
            self.lines = [kept for kept in self.lines if kept not in again]
            content = "".join(f"{json.dumps(kept)}\n" for kept in [*self.lines, line])
            write_whole(self.folder / FILE, content)
        else:
            with (self.folder / FILE).open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(line)}\n")
        self.lines.append(line)

    def losses(self, phase: str) -> list[float]:
        """The loss of a phase by step."""
        return [float(line["loss"]) for line in self.lines if line["phase"] == phase and "loss" in line]

    def draw(self) -> None:
        """Writes the picture: for each phase its loss by step, and the running mean of it."""
        from PIL import Image, ImageDraw

        measured = [line for line in self.lines if "loss" in line]
        phases = list(dict.fromkeys(str(line["phase"]) for line in measured))
        picture = Image.new("RGB", (WIDTH, HEIGHT * max(1, len(phases))), "white")
        for number, phase in enumerate(phases):
            lines = [line for line in measured if line["phase"] == phase]
            _part(ImageDraw.Draw(picture), number * HEIGHT, phase, lines)
        draft = self.folder / f"{PICTURE}.new"
        picture.save(draft, "PNG")
        draft.replace(self.folder / PICTURE)


def smoothed(values: Sequence[float], share: float = 0.1) -> list[float]:
    """The running mean over so large a share of the values, the last ones up to each."""
    span = max(1, round(share * len(values)))
    return [sum(values[max(0, at + 1 - span) : at + 1]) / len(values[max(0, at + 1 - span) : at + 1])
            for at in range(len(values))]  # fmt: skip


def _part(pen: Any, top: int, phase: str, lines: Sequence[Line]) -> None:
    from PIL import ImageFont

    steps, losses = [int(line["step"]) for line in lines], [float(line["loss"]) for line in lines]
    low, high = min(losses), max(losses)
    high = high if high > low else low + 1.0
    last = max(2, *steps)
    font, title = ImageFont.load_default(13), ImageFont.load_default(16)
    floor, ceiling, right = top + HEIGHT - BOTTOM, top + TOP, WIDTH - 24

    def at(step: float, loss: float) -> tuple[float, float]:
        across = LEFT + (step - 1) / (last - 1) * (right - LEFT)
        return across, floor - (loss - low) / (high - low) * (floor - ceiling)

    pen.text((LEFT, top + 14), f"{phase}: loss by step, and its running mean", INK, font=title)
    for tick in range(TICKS + 1):
        value = low + tick / TICKS * (high - low)
        _, height = at(1, value)
        pen.line([(LEFT, height), (right, height)], FAINT)
        pen.text((LEFT - 10, height), f"{value:.3g}", INK, font=font, anchor="rm")
        step = 1 + tick / TICKS * (last - 1)
        pen.text((at(step, low)[0], floor + 8), f"{step:.0f}", INK, font=font, anchor="ma")
    for values, colour, width in ((losses, RAW, 1), (smoothed(losses), LINE, 2)):
        points = [at(step, loss) for step, loss in zip(steps, values, strict=True)]
        pen.line(points if len(points) > 1 else points * 2, colour, width=width)
