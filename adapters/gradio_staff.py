"""The staff page: replies to look at, gaps in the documents, and how the desk is doing.

`build` makes the page; `adapters.gradio_staff_door` puts it behind a password at /staff of `shopdesk serve`. What is
shown, and so what a press is about, is kept on the server by browser session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from adapters.gradio_gaps import GapsTab
from adapters.gradio_learning import LearningTab
from adapters.gradio_review import ReviewTab

if TYPE_CHECKING:
    from bot.engine import Engine
    from bot.settings import Settings

CSS: Final = """
.prose img { max-width: 100%; height: auto; margin: 0.25rem 0 1rem }
footer { display: none !important }
"""
PRIVATE: Final = {"api_visibility": "private"}


def build(engine: Engine, settings: Settings) -> gr.Blocks:
    """The staff page over an engine, not mounted yet. It asks nothing of the network."""
    name = engine.shop_name or "Shopdesk"
    with gr.Blocks(title=f"{name} – Staff", analytics_enabled=False) as page:
        with gr.Row():
            gr.Markdown(f"# {name}: staff")
            signed_in = gr.Button("Sign out", link="logout", link_target="_self", size="sm", scale=0, min_width=140)
        with gr.Tab("Review"):
            review = ReviewTab(engine, settings)
        with gr.Tab("Gaps") as tab:
            gaps = GapsTab(engine, settings)
        tab.select(gaps.load, None, gaps.parts, **PRIVATE)
        with gr.Tab("Learning") as tab:
            learning = LearningTab(engine.store, settings.home)
        tab.select(learning.load, None, learning.parts, **PRIVATE)
        page.load(review.load, None, review.parts, **PRIVATE)
        page.load(_whose, None, signed_in, **PRIVATE)
    page.queue(api_open=False, max_size=64, default_concurrency_limit=4)
    return page


def _whose(request: gr.Request) -> Any:
    return gr.Button(f"Sign out {request.username}")
