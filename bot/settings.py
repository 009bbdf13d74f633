"""The settings: read once at the edge, frozen, and passed down.

Each field is a `SHOPDESK_<NAME>` variable or a key of `shopdesk.toml` in the working directory; the variable wins, and
an empty one counts as not set. This is the only module that looks at the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.errors import SettingsError
from bot.office_hours import OfficeHours, time_zone

PREFIX = "SHOPDESK_"
FILE = "shopdesk.toml"
SHORTEST_PASSWORD = 10

Folder = Annotated[Path, AfterValidator(Path.expanduser)]  # no shell has expanded the `~` of a file or of a unit


def _origins(text: str) -> str:
    for origin in listed(text):
        if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?", origin):
            raise ValueError(f"{origin!r} is no origin; give scheme and host alone, as in https://www.shop.example")
    return text


def listed(text: str) -> tuple[str, ...]:
    """The parts of a setting that holds several, with commas between."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?(/\S*)?", text):
        raise ValueError("no web address; give one such as https://slack.com/api/")
    return text


def _clock(text: str) -> str:
    if text != "off" and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is no time of day; write it as 03:00, or `off`")
    return text


def _office_hours(text: str) -> str:
    OfficeHours.parse(text)
    return text


def _time_zone(name: str) -> str:
    time_zone(name)
    return name


def _password(text: str) -> str:
    if text and len(text) < SHORTEST_PASSWORD:
        raise ValueError(f"too short; give at least {SHORTEST_PASSWORD} characters")
    return text


def _slack(name: str, description: str) -> Any:
    """A setting that Slack's own variable names too: `SLACK_BOT_TOKEN` as well as `SHOPDESK_SLACK_BOT_TOKEN`."""
    names = AliasChoices(f"{PREFIX}{name}".lower(), name)
    return Field("", validation_alias=names, repr=False, description=description)


class Settings(BaseSettings):
    """Everything an operator can change."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, toml_file=FILE, frozen=True, extra="forbid", validate_default=True
    )

    home: Folder = Field(Path(".shopdesk"), description="Folder that holds all state: indexes, conversations, models.")
    knowledge: str = Field(
        "default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Name of the index that answers."
    )
    embedder: str = Field(
        "house",
        description="`house` (the project's own), `minilm` (what it was tuned from), or the folder or hub name of a"
        " sentence-transformers model.",
    )
    generator: str = Field(
        "extractive",
        description="`extractive`, `remote:<provider>:<model>`, or the folder or hub name of a causal language model.",
    )
    lora: Folder | None = Field(None, description="Folder of a LoRA to load over the generator.")
    shop_name: str = Field("", description="The shop's name; without it, the `name` in its `knowledge.toml`.")
    contact: str = Field("", description="How a shopper reaches a person, added when one is offered.")
    office_hours: Annotated[str, AfterValidator(_office_hours)] = Field(
        "", description="When people are at the desk, as in `Mon-Fri 09:00-17:00, Sat 10:00-14:00`; empty is always."
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "UTC", description="Where those hours are meant, as in `Europe/London`."
    )
    slack_bot_token: str = _slack("slack_bot_token", "Bot token of the Slack app, xoxb-...; starts Slack.")
    slack_app_token: str = _slack("slack_app_token", "App-level token, xapp-..., for Socket Mode.")
    slack_signing_secret: str = _slack("slack_signing_secret", "Signing secret, for Slack over HTTP.")
    slack_desk_channel: str = _slack("slack_desk_channel", "Id of the channel where hand-overs open as threads.")
    slack_api_url: Annotated[str, AfterValidator(_address)] = Field(
        "https://slack.com/api/", description="Where Slack's Web API is; https://slack-gov.com/api/ for GovSlack."
    )
    allowed_hosts: str = Field(
        "", description="Hosts that a reply may name, with commas; without any, those of the cited documents."
    )
    passages: int = Field(6, ge=1, le=50, description="Passages given to the generator for one reply.")
    max_new_tokens: int = Field(200, ge=1, le=4096, description="Longest reply of a model, in tokens.")
    max_message_chars: int = Field(4000, ge=1, le=100_000, description="Longest message taken, in characters.")
    messages_per_minute: int = Field(
        20, ge=0, description="What one visitor of the web chat may send in a minute; 0 is no limit."
    )
    messages_per_minute_per_address: int = Field(
        120, ge=0, description="The same for one network address, which many visitors may share; 0 is no limit."
    )
    replies_at_once: int = Field(
        64, ge=1, le=10_000, description="Replies that the web chat writes at once; who asks then is told to wait."
    )
    allowed_origins: Annotated[str, AfterValidator(_origins)] = Field(
        "", description="Origins whose pages may hold the widget, with commas; without any, the desk's own only."
    )
    staff_password: Annotated[str, AfterValidator(_password)] = Field(
        "",
        repr=False,
        description="What lets staff in to /staff of `shopdesk serve`; without one there is no such page.",
    )
    host: str = Field("127.0.0.1", description="Address that `shopdesk serve` listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that `shopdesk serve` listens on; 0 takes a free one.")
    demo_page: bool = Field(False, description="Whether `shopdesk serve` has the demo page at /demo; needs Gradio.")
    demo_generator: str = Field("", description="Generator that the demo page compares with, named as `generator`.")
    learn_at: Annotated[str, AfterValidator(_clock)] = Field(
        "03:00",
        description="When `shopdesk serve` runs a learning cycle, in `time_zone`, with a local generator; or `off`.",
    )
    learn_at_least: int = Field(50, ge=1, description="New ratings that such a cycle needs.")
    canary_share: float = Field(
        0.0, ge=0, lt=1, description="Share of the conversations in which a cycle lets a LoRA speak at first; 0 is all."
    )
    canary_fall: float = Field(
        0.1, gt=0, lt=1, description="How far the share of good conversations may fall before a canary is rolled back."
    )
    canary_at_least: int = Field(30, ge=1, description="Rated conversations of a canary, and of the others, needed.")
    canary_promotes: bool = Field(
        False, description="Whether a canary that is good enough is promoted whole by itself."
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="What is logged to stderr.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then `shopdesk.toml`."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: Any) -> Settings:
    """The settings in force; an override that is None is not given.

    Raises SettingsError naming the setting, the value and what was expected; a variable or key that is no setting is
    reported too, with the nearest one.
    """
    _refuse_unknown(name for name in os.environ if name.upper().startswith(PREFIX))
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            _refuse_unknown([name])
        field = Settings.model_fields.get(name)
        given = repr(first.get("input")) if field is None or field.repr else "(not shown)"
        raise SettingsError(
            f"setting {name!r} = {given}: {first['msg']}; change {PREFIX}{name.upper()},"
            f" or {name} in {FILE} or on the command line"
        ) from None
    except (ValueError, OSError) as error:  # not TOML, or not ours to read
        raise SettingsError(f"{FILE} cannot be read: {error}; mend it, or remove it") from None


def _refuse_unknown(names: Iterable[str]) -> None:
    known = list(Settings.model_fields)
    for name in names:
        key = name.lower().removeprefix(PREFIX.lower())
        if key not in known:
            near = get_close_matches(key, known, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"the settings are {', '.join(known)}"
            raise SettingsError(f"{name!r} is no setting; {advice}")
