from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.notifier.app import _blocklist
from services.notifier.documents import Platform
from services.notifier.settings import NotifierSettings, Smtp


def test_defaults_run_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFIER_PORT", "NOTIFIER_DATABASE_URL", "BLOCKLIST_URL", "GEOWITHHOLD_VAR"):
        monkeypatch.delenv(name, raising=False)

    settings = NotifierSettings()

    assert (settings.port, settings.blocklist_url) == (8001, "http://127.0.0.1:8000")
    assert settings.database_url == f"sqlite:///{Path.cwd() / 'var' / 'notifier.sqlite3'}"
    assert settings.instance


def test_production_needs_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOWITHHOLD_ENVIRONMENT", "production")
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", "sqlite:///notifier.sqlite3")

    with pytest.raises(ValidationError, match="production needs PostgreSQL"):
        NotifierSettings()

    monkeypatch.setenv("NOTIFIER_DATABASE_URL", "postgresql://db/notifier")
    assert NotifierSettings().database_url == "postgresql://db/notifier"


def made(monkeypatch: pytest.MonkeyPatch, **variables: str) -> NotifierSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return NotifierSettings()


def test_without_a_mail_server_there_is_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(monkeypatch).smtp is None


def test_a_mail_server_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret")

    settings = made(
        monkeypatch,
        NOTIFIER_SMTP_HOST="mail.ex.org",
        NOTIFIER_SMTP_FROM="watch@ex.org",
        NOTIFIER_SMTP_USERNAME="watch",
        NOTIFIER_SMTP_PASSWORD_FILE=str(password),
    )

    assert settings.smtp == Smtp(
        host="mail.ex.org", port=587, sender="watch@ex.org", username="watch", password_file=password, starttls=True
    )


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"NOTIFIER_SMTP_HOST": "mail.ex.org"}, "NOTIFIER_SMTP_FROM"),
        ({"NOTIFIER_SMTP_HOST": "mail.ex.org", "NOTIFIER_SMTP_FROM": "no address"}, "NOTIFIER_SMTP_FROM"),
        ({"NOTIFIER_SMTP_USERNAME": "watch"}, "NOTIFIER_SMTP_PASSWORD_FILE"),
        ({"NOTIFIER_SMTP_PASSWORD_FILE": "/nowhere"}, "NOTIFIER_SMTP_PASSWORD_FILE"),
        (
            {
                "NOTIFIER_SMTP_USERNAME": "watch",
                "NOTIFIER_SMTP_PASSWORD_FILE": "pyproject.toml",
                "NOTIFIER_SMTP_STARTTLS": "false",
            },
            "NOTIFIER_SMTP_STARTTLS",
        ),
    ],
)
def test_mail_that_is_configured_by_half_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        made(monkeypatch, **variables)


def test_in_production_webhooks_go_to_public_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not made(monkeypatch).webhooks_allow_private
    assert made(monkeypatch, NOTIFIER_WEBHOOKS_ALLOW_PRIVATE="true").webhooks_allow_private

    with pytest.raises(ValidationError, match="NOTIFIER_WEBHOOKS_ALLOW_PRIVATE"):
        made(monkeypatch, GEOWITHHOLD_ENVIRONMENT="production", NOTIFIER_DATABASE_URL="postgresql://db/notifier")


def test_releases_are_promised_within_an_hour_unless_somebody_says_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(monkeypatch).release_within == timedelta(hours=1)
    assert made(monkeypatch, GEOWITHHOLD_RELEASE_WITHIN_SECONDS="900").release_within == timedelta(minutes=15)

    with pytest.raises(ValidationError, match="GEOWITHHOLD_RELEASE_WITHIN_SECONDS"):
        made(monkeypatch, GEOWITHHOLD_RELEASE_WITHIN_SECONDS="0")


def test_who_replies_and_who_sees_what_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (made(monkeypatch).reply_as, made(monkeypatch).key) == (Platform(name="X"), None)

    told = made(
        monkeypatch,
        GEOWITHHOLD_PLATFORM_NAME="Chirp Ltd",
        GEOWITHHOLD_PLATFORM_CONTACT="legal@chirp.example",
        GEOWITHHOLD_ADMIN_KEY="open sesame",
    )

    assert told.reply_as == Platform(name="Chirp Ltd", contact="legal@chirp.example")
    assert told.key == "open sesame"
    assert "sesame" not in repr(told)


async def test_the_blocklist_is_asked_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _blocklist(made(monkeypatch)) as open_client:
        assert "authorization" not in open_client.headers
    async with _blocklist(made(monkeypatch, GEOWITHHOLD_ADMIN_KEY="open sesame")) as client:
        assert client.headers["authorization"] == "Bearer open sesame"
