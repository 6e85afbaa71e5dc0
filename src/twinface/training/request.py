"""What somebody asks to be trained → a run that is ready to be trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from twinface.core.errors import SettingsError
from twinface.core.settings import Settings, flattened, settings_from
from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_source
from twinface.datasets.names import unsafe_name
from twinface.training.checkpoint import load_checkpoint
from twinface.training.open_run import OpenRun, RunOptions, absolute, start_run
from twinface.training.own_photos import plan_training, usual_recipe
from twinface.training.recipe import default_folder, load_recipe, override
from twinface.training.run_folder import RunFolder

DEFAULT_RECIPE = "default"
_NAMED = "a folder of photos of your own takes a recipe by its name or as a TOML file"


@dataclass(frozen=True)
class TrainingRequest:
    """What to train, on what, and where to.

    Attributes:
        source: the data set.
        recipe: its name, a TOML file, or settings; None takes "default", or what suits one's own photos.
        overrides: of single settings, such as "trainer.epochs=5".
        seed: of everything random.
        out: the run folder; None is `runs/RECIPE-SEED`, or `runs/FOLDER-SEED` for one's own photos.
        own: the source is a folder of one's own photos: people are kept out to judge the model in the end.
        start_from: a run whose weights to begin with.
        strict: refuse a data set of which a picture cannot be used.
    """

    source: DataSource
    recipe: str | Settings | None = None
    overrides: tuple[str, ...] = ()
    seed: int = 0
    out: Path | None = None
    own: bool = False
    start_from: Path | None = None
    strict: bool = False

    @property
    def folder(self) -> RunFolder:
        """The run folder, new or not.

        Raises:
            SettingsError: the recipe is wrong.
        """
        if self.out is not None:
            return RunFolder(self.out)
        name = Path(self.source.root or "").resolve().name
        if self.own and name and unsafe_name(name) is None:
            return RunFolder(Path("runs") / f"{name}-{self.seed}")
        return RunFolder(default_folder(self._settings(), self.seed))

    def _settings(self) -> Settings:
        if isinstance(self.recipe, Settings):
            return self.recipe
        return load_recipe(self.recipe or DEFAULT_RECIPE, self.overrides)


def check_same(request: TrainingRequest) -> None:
    """Refuses a run that was begun with something else than what is asked for now.

    The number of threads may differ. Of one's own photos the recipe and the settings that are named are compared.

    Raises:
        SettingsError: the data, the seed or a setting differs.
        ModelError: the run is damaged.
    """
    folder = request.folder
    info = folder.info()
    source = replace(request.source, root=absolute(request.source.root))
    asked = {"seed": request.seed, "start_from": absolute(request.start_from), **asdict(source)}
    found = {"seed": info.seed, "start_from": info.start_from, **asdict(info.source)}
    there = folder.settings()
    if not request.own:
        wanted = request._settings()
    elif isinstance(request.recipe, Settings):
        raise SettingsError(_NAMED)
    else:  # what was chosen for these photos stays
        recipe = load_recipe(request.recipe or usual_recipe(request.source.align)).recipe
        wanted = settings_from(
            override(there.to_dict(), [*request.overrides, f"recipe={recipe}"]), str(folder.path)
        )
    asked, found = asked | flattened(wanted.to_dict()), found | flattened(there.to_dict())
    for name in asked | found:
        if name in ("trainer.threads", "description", "suits"):
            continue
        if name == "layout" and None in (asked[name], found[name]):  # whatever lies there
            continue
        if asked.get(name) != found.get(name):
            raise SettingsError(
                f"{folder.path}: holds a run with {name} = {found.get(name)!r}, asked for {asked.get(name)!r}: choose "
                "another folder"
            )


def start_requested(request: TrainingRequest) -> OpenRun:
    """Makes the run that is asked for.

    Raises:
        SettingsError: a setting is wrong, or the folder is taken.
        DataError: the data set is not there, has too few people, or `strict` refuses it.
        ModelError: the weights to begin with are not there.
    """
    options = RunOptions(request.start_from, judge=request.own, strict=request.strict)
    if request.start_from:
        load_checkpoint(request.start_from)  # refused before photos are looked at
    folder = request.folder
    folder.check_free()  # before photos are looked at
    if not request.own:
        return start_run(request.source, request._settings(), request.seed, folder, options)
    if isinstance(request.recipe, Settings):
        raise SettingsError(_NAMED)
    dataset = load_source(request.source)
    plan = plan_training(dataset, request.recipe, request.overrides)
    run = start_run(request.source, plan.settings, request.seed, folder, replace(options, dataset=dataset))
    return replace(run, said=plan.said, warnings=plan.warnings)
