"""The table of actions: a schema and a function each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sunco.emulator.end_users.context import Context
from sunco.emulator.end_users.files import embed
from sunco.emulator.errors import reject
from sunco.emulator.schemas.schema import Object, Rule, Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sunco.emulator.state.account import Account

    Run = Callable[[Context], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that end users can do.

    Args:
        name: Its name.
        schema: The schema of its arguments.
        run: Performs it.
        mutates: Whether it changes the state.
    """

    name: str
    schema: Object
    run: Run
    mutates: bool


class Actions:
    """The actions, by name."""

    def __init__(self) -> None:
        self.all: dict[str, Action] = {}

    def add(
        self,
        properties: Mapping[str, Schema],
        *,
        required: tuple[str, ...] = (),
        rules: tuple[Rule, ...] = (),
        mutates: bool = True,
        name: str | None = None,
    ) -> Callable[[Run], Run]:
        """Add the decorated function as an action, by its name.

        Args:
            properties: The schemas of its arguments. Unknown arguments are rejected.
            required: The required arguments.
            rules: Conditions across arguments.
            mutates: Whether it changes the state.
            name: The name of the action, if it is not that of the function.
        """

        def decorate(run: Run) -> Run:
            schema = Object(properties, required, rules, additional_properties=False)
            known_as = name or run.__name__
            self.all[known_as] = Action(known_as, schema, run, mutates)
            return run

        return decorate


@dataclass(frozen=True, slots=True)
class ActionCall:
    """A call of an action, which a recorder can execute.

    Args:
        action: The action.
        account: The account.
        app_id: The app whose users are searched first.
        arguments: The arguments, which are valid.
        origin: The base URL of the emulator.
    """

    action: Action
    account: Account
    app_id: str
    arguments: Mapping[str, Any]
    origin: str
    erases: bool = False
    file: bytes = b""

    @property
    def mutates(self) -> bool:
        """Whether the action changes the state."""
        return self.action.mutates

    def run(self) -> dict[str, Any]:
        """Perform the action.

        Raises:
            ApiError: It is rejected.
        """
        context = Context(self.account, self.app_id, self.arguments, self.origin)
        return self.action.run(context)

    @classmethod
    def prepare(
        cls, action: Action, account: Account, app_id: str, arguments: dict[str, Any], origin: str
    ) -> ActionCall:
        """A call with valid arguments that can be replayed: files are read now.

        Raises:
            ApiError: The arguments are invalid, or a file cannot be read.
        """
        reject(action.schema.problems(arguments, ""))
        return cls(action, account, app_id, embed(arguments), origin)

    def to_entry(self) -> dict[str, Any]:
        """The call as JSON values."""
        return {
            "action": self.action.name,
            "arguments": self.arguments,
            "origin": self.origin,
        }
