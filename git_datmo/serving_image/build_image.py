"""Make an image that serves the model of a snapshot, without a container engine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.image_archive import CONFIG, LAYERS, read_image
from git_datmo.environments.manifest import Manifest
from git_datmo.errors import DatmoError
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import root_node
from git_datmo.oci.image_layout import OciImage
from git_datmo.oci.layer_archive import (
    BytesSource,
    Layer,
    LayerFile,
    copy_layer,
    files_below,
    write_layer,
)
from git_datmo.progress import Progress
from git_datmo.records.image_record import Image
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.environment_commands import StoredEnvironment
from git_datmo.runs.frozen_environments import images_of, place_frozen
from git_datmo.runs.rerun_inputs import place, place_code
from git_datmo.serving.model_contract import ModelContract
from git_datmo.serving.place_snapshot import fetch_served, python_of
from git_datmo.serving.placed_snapshot import PlacedSnapshot
from git_datmo.serving.serving_setup import choose_served
from git_datmo.serving_image.generated_base import PLATFORMS, find_obstacle, make_base
from git_datmo.serving_image.image_configuration import ImageLabels, make_configuration
from git_datmo.serving_image.image_paths import OLDEST, SERVED, SNAPSHOT
from git_datmo.serving_image.served_document import ServedDocument
from git_datmo.serving_image.server_layer import server_files

# The names of processors that OCI has for those of the kernel.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """Choices of the person who makes an image; '' leaves a choice to git-datmo."""

    entry: str = ""
    model: str = ""
    name: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class _Base:
    """Image of the environment: its configuration and layers, and a layer of packages to add."""

    config: bytes
    layers: tuple[Layer, ...]
    packages: tuple[Layer, ...] = ()


def build_image(
    ws: Workspace, stored: StoredEnvironment, choice: ImageChoice, folder: Path, progress: Progress
) -> OciImage:
    """Return an image of the snapshot. Its layers are files in `folder`, which must be empty.

    Raises `DatmoError` if the environment is not frozen and needs an engine, cannot run the server,
    or if it is not clear which model to serve.
    """
    # Refused before anything is fetched.
    _require_python(stored.manifest)
    frozen = _frozen_image(ws, stored, choice.platform)
    layers = folder / "layers"
    layers.mkdir()
    placed = _place_snapshot(ws, stored, folder / "snapshot", progress)
    # The image chooses again at its start; an unclear choice is refused now.
    contract, _, _ = choose_served(placed, choice.entry, choice.model)
    if frozen is not None:
        base = _place_base(ws, *frozen, folder / "base", layers, progress)
    else:
        base = _generate_base(ws, stored, choice.platform, layers, progress)
    models, code = _divide(placed, choice)
    added = (
        *base.packages,
        write_layer(server_files(), layers, "the server of git-datmo"),
        write_layer(models, layers, "the model"),
        write_layer(code, layers, "the code and its contracts"),
    )
    config = make_configuration(
        base.config,
        added,
        _labels(stored, contract),
        created=stored.found.snapshot.created,
        python=placed.python,
    )
    annotations = {"org.opencontainers.image.revision": placed.commit}
    return OciImage(config, (*base.layers, *added), annotations)


def _labels(stored: StoredEnvironment, contract: ModelContract | None) -> ImageLabels:
    """Return the labels of an image."""
    of = contract.contract if contract is not None else None
    return ImageLabels(
        commit=str(stored.found.commit),
        snapshot=str(stored.found.id),
        environment=stored.environment.id,
        contract=f"{of.name or of.id} {of.version}" if of is not None else "",
    )


def _divide(placed: PlacedSnapshot, choice: ImageChoice) -> tuple[list[LayerFile], list[LayerFile]]:
    """Return the files of the models, and those of the code with the description of both."""
    tops = tuple(f"{SNAPSHOT}/{path}" for path in placed.payloads)
    below = tuple(f"{top}/" for top in tops)
    models: list[LayerFile] = []
    code: list[LayerFile] = []
    for file in files_below(placed.folder, SNAPSHOT):
        is_model = file.path in tops or file.path.startswith(below)
        (models if is_model else code).append(file)
    served = ServedDocument(
        snapshot=placed.snapshot,
        commit=placed.commit,
        payloads=placed.payloads,
        python=placed.python,
        variables=placed.variables,
        entry=choice.entry,
        model=choice.model,
        name=choice.name,
    )
    return models, [*code, LayerFile(SERVED, BytesSource(served.encode()))]


def _require_python(manifest: Manifest) -> None:
    """Raise `DatmoError` if the environment's interpreter cannot run the server."""
    oldest = ".".join(map(str, OLDEST))
    if manifest.is_foreign:
        raise DatmoError(
            f"the environment is one of {manifest.implementation}, and the server needs Python",
            "'git datmo serve' runs the server outside of the environment",
        )
    if tuple(map(int, manifest.series.split("."))) < OLDEST:
        raise DatmoError(
            f"the environment has Python {manifest.python}, and the server needs {oldest} or newer",
            "'git datmo serve' runs the server outside of the environment",
        )


def _frozen_image(
    ws: Workspace, stored: StoredEnvironment, platform: str
) -> tuple[Oid, Image] | None:
    """Return the newest frozen image of an environment.

    Returns None if there is none, and the environment can be made without an engine. Raises
    `DatmoError` if it cannot.
    """
    found = list(images_of(ws, stored.wanted, stored.manifest))
    of_platform = [each for each in found if platform in ("", each[1].platform)]
    if of_platform:
        return of_platform[0]
    if obstacle := find_obstacle(stored.manifest):
        raise _not_frozen(stored, obstacle)
    return None


def _not_frozen(stored: StoredEnvironment, reason: str) -> DatmoError:
    """Return the error of an environment that needs an engine."""
    name = str(stored.found.id)[:10]
    return DatmoError(
        f"the environment of snapshot '{name}' is not frozen, and cannot be made without a"
        f" container engine: {reason}",
        f"freeze it once with an engine: git datmo env freeze {name}",
    )


def _generate_base(
    ws: Workspace, stored: StoredEnvironment, platform: str, layers: Path, progress: Progress
) -> _Base:
    """Make the environment's layers of its base image and its packages."""
    wanted = platform or f"linux/{_ARCHITECTURES.get(os.uname().machine, os.uname().machine)}"
    if wanted not in PLATFORMS:
        raise _not_frozen(stored, f"{wanted} is none of {', '.join(PLATFORMS)}")
    try:
        made = make_base(stored.environment, stored.manifest, wanted, ws.environ, layers, progress)
    except DatmoError as error:
        raise _not_frozen(stored, error.what) from error
    return _Base(made.base.config, made.base.layers, (made.packages,))


def _place_base(
    ws: Workspace, oid: Oid, image: Image, folder: Path, layers: Path, progress: Progress
) -> _Base:
    """Write the frozen image to `folder`, and take its layers into `layers`."""
    place_frozen(ws, oid, image, folder, progress)
    progress.finish()
    taken = [
        # Unchanged, so that a registry that has the environment's image has these layers already.
        copy_layer(folder / LAYERS / digest, f"sha256:{digest}", layers, "the environment")
        for digest in read_image(folder).layers
    ]
    return _Base((folder / CONFIG).read_bytes(), tuple(taken))


def _place_snapshot(
    ws: Workspace, stored: StoredEnvironment, folder: Path, progress: Progress
) -> PlacedSnapshot:
    """Fetch the code and the models of a snapshot, and write them into the new `folder`."""
    found = stored.found
    payloads = fetch_served(ws, found, progress)
    folder.mkdir()
    if found.snapshot.code is not None:
        place_code(ws, found.snapshot.code, folder, progress)
    place(ws, [(each.path, root_node(each.content)) for each in payloads], folder, progress)
    progress.finish()
    return PlacedSnapshot(
        snapshot=str(found.id),
        commit=str(found.commit),
        folder=folder,
        payloads=tuple(payload.path for payload in payloads),
        python=python_of(found),
        variables=dict(stored.manifest.variables),
    )
