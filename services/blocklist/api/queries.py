"""Query parameters that several lists have."""

from typing import Annotated

from fastapi import Depends, Query

from services.blocklist.api.context import Context
from shared.http.problems import Fault, Kind, Refusal
from shared.ids import Target
from shared.targets import TargetError, parse_target

Named = Annotated[str | None, Query(max_length=64, pattern="^[A-Za-z0-9_.-]+$")]
"""The id of something of ours."""


def _target(context: Context, target: Annotated[str | None, Query(max_length=8192)] = None) -> Target | None:
    try:
        return None if target is None else parse_target(target, context.platform)
    except TargetError as error:
        raise Refusal(Kind.INVALID, str(error), (Fault(str(error), parameter="target"),)) from error


OfTarget = Annotated[Target | None, Depends(_target)]
