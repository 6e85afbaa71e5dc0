"""`twinface models`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import print_json
from twinface.cli.options import Json

if TYPE_CHECKING:
    from twinface.models.card import ModelCard


def models(
    name: Annotated[
        str | None, typer.Argument(help="Print this model's whole card; without it, all models.")
    ] = None,
    json: Json = False,
) -> None:
    """List the models that have names, with their error rates; the first that is installed is "best"."""
    from twinface.core.errors import ModelError
    from twinface.core.suggestion import nearest
    from twinface.models.card import read_card
    from twinface.models.catalog import BEST, NAMED_MODELS, best_installed

    best = best_installed()
    if name is not None:
        name = best if name == BEST else name
        if name not in NAMED_MODELS:
            raise ModelError(f'no model "{name}"{nearest(name, NAMED_MODELS)}')
        card = read_card(name)
        installed = NAMED_MODELS[name].is_installed
        if json:
            print_json(_values(card, installed, name == best))
        else:
            print("\n".join(_lines(card, NAMED_MODELS[name].how_to_install)))
        return
    cards = [(read_card(each), model.is_installed) for each, model in NAMED_MODELS.items()]
    if json:
        print_json([_values(card, installed, card.name == best) for card, installed in cards])
        return
    for card, installed in cards:
        state = "best" if card.name == best else "installed" if installed else "not installed"
        figure = f"; {_figure(card)}" if card.figures else ""
        print(f"{card.name:<12}{state:<15}{card.summary}{figure}")


def _values(card: ModelCard, installed: bool, best: bool) -> dict[str, Any]:
    values = {
        key: value for key, value in card.to_dict().items() if key not in ("record", "genuine", "impostor")
    }
    return {**values, "installed": installed, "best": best}


def _lines(card: ModelCard, how_to_install: str | None) -> Iterator[str]:
    yield f"{card.name}: {card.summary}"
    yield f"training data: {card.training_data}"
    yield f"licence of the weights: {card.licence}"
    yield f"installed: {'yes' if how_to_install is None else f'no: {how_to_install}'}"
    if card.record:
        threshold = card.record.threshold
        yield f"threshold: {threshold.value:.4f}, fitted on {threshold.fitted_on}" + (
            f" for a false accept rate of {threshold.far:g}" if threshold.far else ""
        )
    for figure in card.figures:
        interval = f"[{figure.low:.4f}, {figure.high:.4f}]"
        yield f"{figure.what}: {figure.value:.4f} {interval} ({figure.date}, {figure.command})"


def _figure(card: ModelCard) -> str:
    first = card.figures[0]
    return f"{first.what} {first.value:.3f} [{first.low:.3f}, {first.high:.3f}]"
