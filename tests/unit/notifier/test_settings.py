from pathlib import Path

import pytest
from pydantic import ValidationError

from services.notifier.settings import NotifierSettings


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
