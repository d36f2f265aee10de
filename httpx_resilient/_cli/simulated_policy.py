"""The policies of the command `simulate`: options, as they are typed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from httpx_resilient import HedgePolicy, RateLimit, standard_transport
from httpx_resilient._cli.option_groups import expand_groups
from httpx_resilient._cli.options import MAX_SECONDS
from httpx_resilient._cli.sending_options import LayerOptions
from httpx_resilient._cli.usage import usage_error


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPolicy(LayerOptions):
    """The options that describe a client's layers."""

    breaker: Annotated[
        bool, typer.Option("--breaker", help="Add a circuit breaker.")
    ] = False
    throttle: Annotated[
        bool, typer.Option("--throttle", help="Add an adaptive throttle.")
    ] = False
    rate_limit: Annotated[
        float | None,
        typer.Option(
            "--rate-limit",
            min=0.001,
            max=1_000_000,
            metavar="R",
            help="Limit each client to so many requests per second, and follow the "
            "server's hints.",
        ),
    ] = None
    hedge: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=MAX_SECONDS,
            metavar="SECONDS",
            help="Send a safe request a second time after so long without a response.",
        ),
    ] = None

    def wrapper(self) -> Callable[[Any], Any]:
        """
        Return a function that puts the layers of one client around a transport.

        Raises:
            BadParameter: An option is not a strategy, or cannot be used.
        """
        shared: dict[str, Any] = {
            **LayerOptions.layers(self),
            "breaker": self.breaker,
            "throttle": self.throttle,
        }

        def wrap(server: Any) -> Any:
            hedging = False if self.hedge is None else HedgePolicy(self.hedge)
            limit = False if self.rate_limit is None else RateLimit(self.rate_limit)
            return standard_transport(
                server, hedging=hedging, rate_limit=limit, **shared
            )

        return wrap

    @property
    def name(self) -> str:
        """The options that were given, as they are typed; `default` for none."""
        given = [
            part
            for field in fields(self)
            for part in _typed(field.name, getattr(self, field.name), field.default)
        ]
        return " ".join(given) or "default"


def _typed(name: str, value: Any, default: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if value == default:
        return []
    if isinstance(value, bool):
        return [option if value else f"--no{option[1:]}"]
    values: Any = value
    if not isinstance(value, list):
        values = [value]
    return [f"{option} {shlex.quote(_number_or_text(each))}" for each in values]


def _number_or_text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def parse_policy(text: str) -> SimulatedPolicy:
    """
    Build the policy that the value of `--against` describes.

    Args:
        text: Options, as on the command line.

    Raises:
        BadParameter: They are no options of a policy.
    """
    parsed: list[SimulatedPolicy] = []
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command(context_settings={"help_option_names": []})
    @expand_groups
    def _read(policy: SimulatedPolicy) -> None:
        parsed.append(policy)

    try:
        typer.main.get_command(app).main(shlex.split(text), standalone_mode=False)
    except ValueError as error:  # of shlex
        raise usage_error(str(error), option="--against") from error
    except typer.TyperException as error:
        raise usage_error(error.format_message(), option="--against") from error
    return parsed[0]
