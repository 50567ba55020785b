"""What a verb of the command line is made of, and how it says that it could not do it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`run` answers what came of it, or raises CannotDo. `arguments` adds what the verb takes."""

    name: str
    help: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Answer]


@dataclass(eq=False)
class CannotDo(Exception):
    """It was not done. `detail` says why; `problem` is what the service answered, if it was that which refused."""

    detail: str
    problem: Answer = field(default_factory=dict)

    def __str__(self) -> str:
        return self.detail
