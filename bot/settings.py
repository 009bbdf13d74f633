"""The settings: read once at the edge, frozen, and passed down.

Each field is a `SHOPDESK_<NAME>` variable or a key of `shopdesk.toml` in the working directory; the variable wins.
This is the only module that looks at the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.errors import SettingsError


class Settings(BaseSettings):
    """Everything an operator can change."""

    model_config = SettingsConfigDict(
        env_prefix="SHOPDESK_", toml_file="shopdesk.toml", frozen=True, extra="forbid", validate_default=True
    )

    home: Path = Field(Path(".shopdesk"), description="Folder that holds all state: indexes, conversations, models.")
    knowledge: str = Field(
        "default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Name of the index that answers."
    )
    embedder: str = Field(
        "minilm", description="`minilm` (on board), or the folder or hub name of a sentence-transformers model."
    )
    generator: str = Field(
        "extractive",
        description="`extractive`, `remote:<provider>:<model>`, or the folder or hub name of a causal language model.",
    )
    lora: Path | None = Field(None, description="Folder of a LoRA to load over the generator.")
    contact: str = Field("", description="How a shopper reaches a person, added when one is offered.")
    passages: int = Field(6, ge=1, le=50, description="Passages given to the generator for one reply.")
    max_new_tokens: int = Field(200, ge=1, le=4096, description="Longest reply of a model, in tokens.")
    max_message_chars: int = Field(4000, ge=1, le=100_000, description="Longest message taken, in characters.")
    host: str = Field("127.0.0.1", description="Address that `shopdesk serve` listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that `shopdesk serve` listens on; 0 takes a free one.")
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

    Raises SettingsError naming the setting, the value and what was expected.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"setting {name!r} = {first.get('input')!r}: {first['msg']}; set SHOPDESK_{name.upper()} or {name} in shopdesk.toml"
        ) from None
    except ValueError as error:  # a shopdesk.toml that is not TOML
        raise SettingsError(f"shopdesk.toml cannot be read: {error}") from None
