"""The `git datmo image` command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.oci.image_layout import OciImage
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Make a container image that serves the model of a snapshot. No container engine is needed.

The image has the layers of the environment, git-datmo's server, the model in a layer of its own,
and the code with its contracts. REV is HEAD by default. Two clones make the same image, as long as
git-datmo and its libraries are the same.

The environment is that of 'git datmo env freeze'. If it is not frozen, the base image is fetched
from its registry, and wheels of the packages from pip's index. Packages that must be built, Debian
packages, conda and a Dockerfile need 'git datmo env freeze' once.

The image starts the server at port 8080 as a user without rights, and needs no network. The
variable DATMO_TOKEN has the token that requests need, or @FILE.

With -o, the image is written to a tar file that engines load. With --oci, it is added to an
OCI image layout, where layers that are there are not written again. With --push, it goes to a
registry with the login of 'docker login'. With --load, it goes to the container engine of this
machine."""
EXAMPLES = """
git datmo image -o digits.tar
git datmo image v1.0 --push registry.example.org/team/digits:1.0
git datmo image --oci images --tag digits:latest
git datmo image --load --tag digits:test --entry predict.py:predict
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo image` to its parser."""
    add = parser.add_argument
    add("name", nargs="?", default="HEAD", metavar="REV|ID", help="a commit or snapshot (HEAD)")
    add("-o", "--output", default="", metavar="FILE", help="write a tar file")
    add("--oci", default="", metavar="DIR", help="add the image to an OCI image layout")
    add("--push", default="", metavar="REF", help="push to [HOST[:PORT]/]NAME[:TAG]")
    add("--load", action="store_true", help="load into the container engine")
    add("--tag", default="", metavar="NAME", help="the name in files and engines (NAME[:TAG])")
    add("--platform", default="", metavar="OS/ARCH", help="of the image, such as linux/arm64")
    add("--entry", default="", metavar="FILE:NAME", help="the function that predicts")
    add("--model", default="", metavar="PATH", help="the model file, without an entry")
    add("--as", dest="model_name", default="", metavar="NAME", help="the name of the model in URLs")
    add("--json", action="store_true", help="print a JSON object (docs/json.md)")


def run(options: argparse.Namespace, console: Console) -> int:
    """Make an image, deliver it, print its digest, and return 0."""
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.runs.environment_commands import stored_environment
    from git_datmo.runs.rerun_folder import scratch_folder
    from git_datmo.serving_image.build_image import ImageChoice, build_image

    if not (options.output or options.oci or options.push or options.load):
        raise UsageError("nothing to do with the image", "give -o FILE, --oci, --push or --load")
    _check_names(options)
    progress = console.progress()
    choice = ImageChoice(options.entry, options.model, options.model_name, options.platform)
    with open_workspace(console.environ, console.cwd) as ws, scratch_folder(ws, None) as folder:
        stored = stored_environment(ws, options.name, progress=progress)
        image = build_image(ws, stored, choice, folder, progress)
        _deliver(options, console, ws, image)
        snapshot, commit = str(stored.found.id), str(stored.found.commit)
    if options.json:
        sizes = [{"digest": layer.digest, "size": layer.size} for layer in image.layers]
        console.print_json(
            {"digest": image.digest, "snapshot": snapshot, "commit": commit, "layers": sizes}
        )
    else:
        console.print(f"{image.digest} (serves snapshot {snapshot[:10]})")
    return 0


def _check_names(options: argparse.Namespace) -> None:
    """Raise `DatmoError` for a name that no registry or engine takes, before anything is made."""
    from git_datmo.oci.image_reference import parse_reference

    for name in filter(None, (options.push, options.tag)):
        parse_reference(name)


def _deliver(options: argparse.Namespace, console: Console, ws: Workspace, image: OciImage) -> None:
    """Write the image to each target that the options name."""
    from git_datmo.oci.image_layout import write_layout
    from git_datmo.serving_image.deliver_image import load_into_engine, write_archive

    names = (options.tag,) if options.tag else ()
    if options.output:
        write_archive(image, console.cwd / options.output, names)
    if options.oci:
        write_layout(image, console.cwd / options.oci, options.tag)
    if options.load:
        load_into_engine(image, ws.environ, names, console.progress())
    if options.push:
        from git_datmo.oci.image_reference import parse_reference
        from git_datmo.oci.registry_client import Registry

        Registry(parse_reference(options.push), ws.environ).push(image, console.progress())
