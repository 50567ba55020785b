"""What a route gets from the application, and how it reads the parts that several routes have."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from services.notifier.commands import Commands
from services.notifier.documents import Platform
from shared.http.fields import Time
from shared.http.problems import Fault, Kind, Refusal
from shared.ids import Target
from shared.targets import TargetError, parse_target


def _commands(request: Request) -> Commands:
    commands: Commands = request.app.state.commands
    return commands


def _target(target: Annotated[str | None, Query(max_length=4096)] = None) -> Target | None:
    try:
        return None if target is None else parse_target(target)
    except TargetError as error:
        raise Refusal(Kind.INVALID, str(error), (Fault(str(error), parameter="target"),)) from error


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """By which ways subscribers can be told."""

    allow_private: bool
    mail: bool


def _rules(request: Request) -> ChannelRules:
    rules: ChannelRules = request.app.state.channel_rules
    return rules


def _platform(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


OnBehalfOf = Annotated[Platform, Depends(_platform)]
AsOf = Annotated[Time | None, Query()]
Rules = Annotated[ChannelRules, Depends(_rules)]
Context = Annotated[Commands, Depends(_commands)]
OnTarget = Annotated[Target | None, Depends(_target)]
