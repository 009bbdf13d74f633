import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.errors import SettingsError
from bot.settings import Settings, load_settings

README = Path(__file__).parents[1] / "README.md"


pytestmark = pytest.mark.usefixtures("blank")


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()
    assert (settings.generator, settings.embedder, settings.home) == ("extractive", "house", Path(".shopdesk"))


def test_the_argument_wins_over_the_variable_and_the_variable_over_the_file(
    blank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (blank / "shopdesk.toml").write_text('port = 1\nhost = "10.0.0.1"\ncontact = "file"\n')
    monkeypatch.setenv("SHOPDESK_PORT", "2")
    monkeypatch.setenv("SHOPDESK_HOST", "10.0.0.2")
    settings = load_settings(port=3, host=None)
    assert (settings.port, settings.host, settings.contact) == (3, "10.0.0.2", "file")


def test_an_empty_variable_is_not_set(blank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (blank / "shopdesk.toml").write_text("port = 1\n")
    monkeypatch.setenv("SHOPDESK_PORT", "")
    monkeypatch.setenv("SHOPDESK_LORA", "")
    assert (load_settings().port, load_settings().lora) == (1, None)


def test_a_home_below_the_users_own_is_found(blank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(blank))
    (blank / "shopdesk.toml").write_text('home = "~/shop"\n')
    assert load_settings().home == blank / "shop"


def test_slacks_own_variables_are_read_and_ours_win(blank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (blank / "shopdesk.toml").write_text('slack_signing_secret = "file"\nslack_bot_token = "file"\n')
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-theirs")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-theirs")
    monkeypatch.setenv("SHOPDESK_SLACK_APP_TOKEN", "xapp-ours")
    settings = load_settings()
    assert (settings.slack_bot_token, settings.slack_app_token) == ("xoxb-theirs", "xapp-ours")
    assert settings.slack_signing_secret == "file"
    assert "xapp" not in repr(settings)


def test_settings_are_frozen() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "http"),
        ("port", "65536"),
        ("passages", "0"),
        ("knowledge", "../up"),
        ("log_level", "loud"),
        ("slack_api_url", "slack"),
    ],
)
@pytest.mark.parametrize("way", ["variable", "file", "argument"])
def test_a_bad_value_is_named_with_its_setting(
    blank: Path, monkeypatch: pytest.MonkeyPatch, way: str, name: str, value: str
) -> None:
    if way == "variable":
        monkeypatch.setenv(f"SHOPDESK_{name.upper()}", value)
    elif way == "file":
        (blank / "shopdesk.toml").write_text(f'{name} = "{value}"\n')
    with pytest.raises(SettingsError) as error:
        load_settings(**({name: value} if way == "argument" else {}))
    line = str(error.value)
    assert f"setting {name!r} = {value!r}: " in line
    assert f"SHOPDESK_{name.upper()}" in line
    assert "\n" not in line


@pytest.mark.parametrize("name", ["SHOPDESK_GENERATR", "shopdesk_generatr"])
def test_a_mistyped_variable_is_reported_with_the_nearest_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "extractive")
    with pytest.raises(SettingsError, match=f"^'{name}' is no setting; did you mean 'generator'"):
        load_settings()


def test_a_mistyped_key_is_reported_with_the_nearest_setting(blank: Path) -> None:
    (blank / "shopdesk.toml").write_text("max_token = 3\n")
    with pytest.raises(SettingsError, match=r"^'max_token' is no setting; did you mean 'max_new_tokens'"):
        load_settings()


def test_a_name_like_none_of_them_gets_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPDESK_ZZZ", "1")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert all(name in str(error.value) for name in Settings.model_fields)


@pytest.mark.parametrize("content", [b"port = = 1", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_named(blank: Path, content: bytes) -> None:
    (blank / "shopdesk.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^shopdesk\.toml cannot be read: ") as error:
        load_settings()
    assert "\n" not in str(error.value)


def test_the_readme_lists_every_setting_and_no_other() -> None:
    named = set(re.findall(r"SHOPDESK_[A-Z_]*[A-Z]", README.read_text(encoding="utf-8")))
    assert named == {f"SHOPDESK_{name.upper()}" for name in Settings.model_fields}


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_a_password_that_is_too_short_is_refused_and_none_is_ever_shown() -> None:
    with pytest.raises(SettingsError, match="at least 10 characters") as caught:
        load_settings(staff_password="hunter2")
    assert "hunter2" not in str(caught.value)
    assert "correct horse" not in repr(load_settings(staff_password="correct horse"))
