"""What a recipe is, and the rows of those that ship.

A recipe is one readable file: an options dataclass, data, a network and a loss, bound together in a `Recipe`.

The loop promises: `loss` sees the network in training mode, `picture`, `validate` and `export` see the averaged
weights in evaluation mode without gradients and without mixed precision. In return data must be a pure function:
`batch(n)` gives the same arrays whenever and wherever it is asked, which makes a resumed training bit-exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.training.options import LoopOptions

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

Array: TypeAlias = NDArray[Any]
Batch: TypeAlias = "Mapping[str, Tensor]"
Measures: TypeAlias = "Mapping[str, float | Tensor]"
Settings = TypeVar("Settings", bound="IsDataclass")  # the recipe's options
Network = TypeVar("Network", bound="nn.Module")


class IsDataclass(Protocol):
    """What every dataclass has."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class Batches(Protocol):
    """A data set in an order that is a pure function of its seed."""

    def __len__(self) -> int:
        """Number of different examples; an endless synthesis may say `sys.maxsize`."""
        ...

    def batch(self, number: int) -> Mapping[str, Tensor | Array]:
        """The batch of this number, counted from 0 without end; every array has the batch first.

        It is called from other threads (or processes, see `Recipe.processes`), several numbers at a time: everything
        random comes from `numpy.random.default_rng([seed, number])`, never from a global state.
        """
        ...


@dataclass(frozen=True)
class Turn(Generic[Settings]):
    """One of several losses in a step, each of which moves parts of its own.

    Attributes:
        loss: see `Recipe.loss`; the names of its measures are in no other turn.
        moves: names of the network's children that learn; the others are left as they are. None named: all.
        when: of the options, whether the turn is taken; None: always.
    """

    loss: Callable[[nn.Module, Batch, Settings], tuple[Tensor, Measures]]
    moves: tuple[str, ...] = ()
    when: Callable[[Settings], bool] | None = None


@dataclass(frozen=True)
class Recipe(Generic[Settings, Network]):
    """Everything that the loop must know to train one network.

    Attributes:
        name: what `maquette train` takes.
        options: frozen dataclass type of numbers, text, True or False and None; the docstring of a field is the help of
            its flag and names its unit.
        build_network: of the options; the weights are drawn from torch's seeded generator.
        batches: of options, batch size and seed.
        loss: of the network as the devices wrap it, batch (on the network's device) and options: the scalar to reduce,
            and measures for the log, the same names at every step. It calls `network(...)` itself, not methods of it,
            or neither mixed precision nor several devices would work.
        picture: of network and batch: (H, W, 3) uint8 sRGB, what the network makes of it.
        validate: of network and options: measures on held-out data; the lowest "score" makes the best checkpoint.
        export: of network: tensors by name and facts (text by name) of the published file.
        example: of options and a generator: the input tensors of one call of the network, in order; small, they are
            kept as golden tensors.
        loop: this recipe's defaults for the loop's options.
        data: what the data is and its licence, one line.
        normalisation: what the network's input must look like, one line.
        what: one line for people.
        movable: options that may differ on a resume, as where the data lies.
        processes: batches are assembled by processes instead of threads; the data set must then be picklable.
        moves: which children of the network `loss` moves, as in `Turn`. turns: what follows it on the same batch, in
            order; where there are any, it trains on one device.
        optimizer: of network and loop options, with the loop's rate; a group's "share" of it may differ. None is AdamW.
    """

    name: str
    options: type[Settings]
    build_network: Callable[[Settings], Network]
    batches: Callable[[Settings, int, int], Batches]
    loss: Callable[[nn.Module, Batch, Settings], tuple[Tensor, Measures]]
    picture: Callable[[Network, Batch], Array]
    validate: Callable[[Network, Settings], Mapping[str, float]]
    export: Callable[[Network], tuple[Mapping[str, Tensor], Mapping[str, str]]]
    example: Callable[[Settings, np.random.Generator], tuple[Tensor, ...]]
    loop: LoopOptions = field(default_factory=LoopOptions)
    data: str = ""
    normalisation: str = ""
    what: str = ""
    movable: tuple[str, ...] = ()
    processes: bool = False
    moves: tuple[str, ...] = ()
    turns: tuple[Turn[Settings], ...] = ()
    optimizer: Callable[[nn.Module, LoopOptions], Optimizer] | None = None

    def turns_of(self, options: Settings) -> tuple[Turn[Settings], ...]:
        """What a step does with these options, in order."""
        return (Turn(self.loss, self.moves), *(turn for turn in self.turns if turn.when is None or turn.when(options)))

    def __post_init__(self) -> None:
        shared = {f.name for f in fields(self.options)} & {f.name for f in fields(LoopOptions)}
        if shared:
            raise ValueError(f"recipe {self.name}: options {', '.join(sorted(shared))} are the loop's own")


AnyRecipe: TypeAlias = Recipe[Any, Any]


@dataclass(frozen=True)
class RecipeRow:
    """One recipe that ships.

    Attributes:
        where: its `module:ATTRIBUTE`.
        what: one line for `maquette train --help`.
    """

    where: str
    what: str


RECIPES: dict[str, RecipeRow] = {
    "face": RecipeRow(
        "maquette.training.recipes.face:RECIPE",
        "dense landmarks with uncertainty and head coefficients from a crop",
    ),
    "parsing": RecipeRow(
        "maquette.training.recipes.parsing:RECIPE",
        "hair, beard, glasses, skin, clothes and covers of a head, pixel by pixel",
    ),
    "folds": RecipeRow(
        "maquette.training.recipes.folds:RECIPE",
        "heights of folds and wrinkles of a face, from what a photo shows of its skin",
    ),
    "pet-landmarks": RecipeRow(
        "maquette.training.recipes.pets:RECIPE",
        "twenty landmarks of an animal's face with uncertainty, from a crop",
    ),
    "motion": RecipeRow(
        "maquette.training.recipes.motion:RECIPE",
        "expression, gaze and pose over a clip of a face, from what each frame was read as",
    ),
    "vrn": RecipeRow(
        "maquette.training.recipes.vrn:RECIPE",
        "occupancy of the face from a crop and its 68 landmarks",
    ),
    "pet-shape": RecipeRow(
        "maquette.training.recipes.pet_heads.shape:RECIPE",
        "coefficients of an animal's head with uncertainty, from a crop and its landmarks",
    ),
    "pet-volume": RecipeRow(
        "maquette.training.recipes.pet_heads.volume:RECIPE",
        "solid of an animal's head from a crop and its 20 landmarks",
    ),
    "pifuhd": RecipeRow(
        "maquette.training.recipes.pifuhd:RECIPE",
        "surface of a dressed person from a picture and the fitted body",
    ),
    "pifuhd-published": RecipeRow(
        "maquette.training.recipes.pifuhd_published:RECIPE",
        "the same from the picture alone, as published: normals, coarse and fine level in turn",
    ),
    "hrn": RecipeRow(
        "maquette.training.recipes.hrn.detail:RECIPE",
        "HRN's deformation and displacement, taught further on photos of yours, or on scans with photos",
    ),
    "hrn-first": RecipeRow(
        "maquette.training.recipes.hrn.first:RECIPE",
        "HRN's coefficients, or its undoing of retouching, taught further on photos of yours",
    ),
    "deca": RecipeRow(
        "maquette.training.recipes.deca:RECIPE",
        "DECA's encoders and displacement, in three stages, on clips and photos of yours",
    ),
    "portraits": RecipeRow(
        "maquette.training.recipes.translation.portraits:RECIPE",
        "a small StarGAN v2: animals' faces as others', from animals that do not exist, drawn in the same scenes",
    ),
    "starganv2": RecipeRow(
        "maquette.training.recipes.translation.starganv2:RECIPE",
        "StarGAN v2: pictures of animals as other animals, from folders of photos of yours",
    ),
    "espcn": RecipeRow(
        "maquette.training.recipes.upscale:ESPCN_RECIPE", "pictures made larger by sub-pixel convolution"
    ),
    "srcnn": RecipeRow(
        "maquette.training.recipes.upscale:SRCNN_RECIPE",
        "pictures made larger by convolution of the bicubic enlargement",
    ),
}


def load(name: str) -> AnyRecipe:
    """The recipe of one row. A name that stands in a file is looked up here, and only here: no file names code.

    Raises:
        BadInput: the table has no such row.
    """
    if name not in RECIPES:
        raise BadInput(f"recipe {name!r}: not known; known: {', '.join(RECIPES)}; or your own as module:RECIPE")
    return _imported(RECIPES[name].where)


def load_given(name: str) -> AnyRecipe:
    """The recipe that a command line names: a row, or `module:ATTRIBUTE` for a recipe of one's own, which is imported.

    Raises:
        BadInput: there is no such recipe.
    """
    return _imported(name) if ":" in name and name not in RECIPES else load(name)


def _imported(where: str) -> AnyRecipe:
    module, _, attribute = where.partition(":")
    try:
        recipe = getattr(import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        # A package that a recipe needs is another matter: the command says how to install it.
        if isinstance(error, ModuleNotFoundError) and not module.startswith(str(error.name)):
            raise
        raise BadInput(f"recipe {where!r}: cannot be loaded ({error}): wanted module:RECIPE on the path") from error
    if not isinstance(recipe, Recipe):
        raise BadInput(f"recipe {where!r}: is a {type(recipe).__name__}: wanted a Recipe")
    return recipe
