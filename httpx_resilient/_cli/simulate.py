"""The command `simulate`: what a policy does to a server, in simulated time."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn

from httpx_resilient._cli.console import exit_code, make_console, print_line
from httpx_resilient._cli.option_groups import expand_groups
from httpx_resilient._cli.options import Json
from httpx_resilient._cli.output import check_output
from httpx_resilient._cli.simulated_policy import SimulatedPolicy, parse_policy
from httpx_resilient._cli.simulation_options import SituationOptions
from httpx_resilient._cli.simulation_report import (
    Simulated,
    Situation,
    print_simulations,
)
from httpx_resilient._cli.usage import usage_error
from httpx_resilient.simulation import draw
from httpx_resilient.simulation import simulate as run


@expand_groups
def simulate(
    situation: SituationOptions,
    policy: SimulatedPolicy,
    *,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="OPTIONS",
            help="A second policy to compare with, as its options: "
            '"--stop 8 --no-budget". An empty text is the default policy.',
        ),
    ] = None,
    png: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Also draw the results. It needs matplotlib, the extra `plot`.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """
    Simulate clients and a server, and print what a policy does to both.

    Nothing is sent, and no time passes: the layers of this library run on a simulated
    clock, against a simulated server. Without options, the policy is the default one.
    """
    _check_png(png)
    common = Situation(
        situation.traffic(), situation.server(), situation.duration, situation.seed
    )
    policies = [policy] if against is None else [policy, parse_policy(against)]
    try:
        runs = _run_all(common, policies)
    except KeyboardInterrupt:
        print_line(make_console(stderr=True), "interrupted", "bold red")
        raise typer.Exit(exit_code(ok=False, interrupted=True)) from None
    print_simulations(common, runs, as_json=as_json)
    if png is not None:
        results = {f"{each.letter}: {each.name}": each.result for each in runs}
        draw(png, results, common.server)
        if not as_json:
            print_line(make_console(), f"The picture is in {png}.")


def _run_all(common: Situation, policies: Sequence[SimulatedPolicy]) -> list[Simulated]:
    """Simulate one policy after the other, with a progress bar on a terminal."""
    built = [each.wrapper() for each in policies]
    err = make_console(stderr=True)
    runs: list[Simulated] = []
    with Progress(
        TextColumn("simulating"),
        BarColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as bar:
        task = bar.add_task("", total=common.seconds * len(policies))
        for letter, policy, wrap in zip("AB", policies, built, strict=False):
            result = run(
                wrap,
                common.server,
                common.traffic,
                seconds=common.seconds,
                timeout=policy.timeout,
                seed=common.seed,
                on_second=lambda _: bar.advance(task),
            )
            runs.append(Simulated(letter, policy.name, result))
    return runs


def _check_png(png: str | None) -> None:
    """Check that a picture can be drawn before anything is simulated."""
    if png is None:
        return
    if not png.lower().endswith(".png"):
        problem = f"the name of the file must end in .png; got {png!r}"
        raise usage_error(problem, option="--png")
    if find_spec("matplotlib") is None:
        problem = "pictures need matplotlib: pip install 'httpx_resilient[plot]'"
        raise usage_error(problem, option="--png")
    try:
        check_output(png, overwrite=True)
    except typer.BadParameter as error:
        raise usage_error(error.message, option="--png") from error
