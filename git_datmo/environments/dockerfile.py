"""Write Dockerfiles for repositories without one. Steps that change least come first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

HOME = "/opt/datmo"
_FROM = re.compile(
    r"^[ \t]*FROM[ \t]+(?:--[a-z]+=\S+[ \t]+)*(?P<base>\S+)(?:[ \t]+AS[ \t]+(?P<stage>\S+))?",
    re.MULTILINE | re.IGNORECASE,
)
# The files name every package. Pip must not add others, or other versions.
PIP = "RUN python -m pip install --no-cache-dir --no-deps --no-input --disable-pip-version-check"

# A command that runs directly activates no environment.
_CONDA_VARIABLES = "ENV PATH=/opt/conda/bin:$PATH CONDA_PREFIX=/opt/conda"


def python_dockerfile(
    base_image: str,
    *,
    locks: Sequence[str],
    system: Sequence[str] = (),
    archives: Sequence[str] = (),
    conda: str = "",
) -> bytes:
    """Return a Dockerfile for Python.

    `locks` are requirement files, a layer each. `archives` are package files. `conda` is an
    explicit list that also brings Python.
    """
    lines = _begin(base_image, system, root=bool(conda))
    if conda:
        lines += [f"COPY {conda} {HOME}/{conda}", f"RUN {_install_conda(conda)}", _CONDA_VARIABLES]
    for lock in locks:
        lines += [f"COPY {lock} {HOME}/{lock}", f"{PIP} -r {HOME}/{lock}"]
    if archives:
        lines += [
            f"COPY {' '.join(archives)} {HOME}/",
            " ".join([PIP, *(f"{HOME}/{name}" for name in archives)]),
        ]
    return _end(lines)


def starting_dockerfile(
    base_image: str,
    packages: Sequence[str],
    *,
    system: Sequence[str],
    left_out: Sequence[str],
    conda: Sequence[str] = (),
) -> bytes:
    """Return a Dockerfile that a person can edit; it needs no other file.

    `packages` are requirements, `left_out` names, `conda` the lines of an explicit list.
    """
    lines = [
        "# Runs in containers are built from this file, and it is recorded with every run.",
        *_begin(base_image, system, root=bool(conda)),
        *(
            f"# Not in the image, because it is installed from a local folder or file: {name}"
            for name in left_out
        ),
    ]
    if conda:
        words = " \\\n    ".join(
            [f"RUN mkdir -p {HOME} && printf '%s\\n'", *(f"'{line}'" for line in conda)]
        )
        lines += [
            f"{words} \\\n    > {HOME}/conda.txt && {_install_conda('conda.txt')}",
            _CONDA_VARIABLES,
        ]
    if packages:
        lines.append(" \\\n    ".join([PIP, *(f"'{requirement}'" for requirement in packages)]))
    return _end(lines)


def r_dockerfile(base_image: str, *, system: Sequence[str] = ()) -> bytes:
    """Return a Dockerfile for R. renv installs into the image's library, and `.Rprofile` must
    not choose another."""
    restore = (
        f"renv::restore(lockfile = '{HOME}/renv.lock', library = .libPaths()[1], prompt = FALSE)"
    )
    return _end(
        [
            *_begin(base_image, system),
            f"COPY renv.lock {HOME}/renv.lock",
            f'RUN Rscript -e "install.packages(\'renv\')" -e "{restore}"',
            "ENV RENV_CONFIG_AUTOLOADER_ENABLED=FALSE",
        ]
    )


def julia_dockerfile(base_image: str, *, system: Sequence[str] = ()) -> bytes:
    """Return a Dockerfile for Julia. Packages are in a depot of the image, compiled code in a
    writable one."""
    return _end(
        [
            *_begin(base_image, system),
            f"COPY Project.toml Manifest.toml {HOME}/project/",
            f"ENV JULIA_PROJECT={HOME}/project JULIA_DEPOT_PATH={HOME}/depot",
            "RUN julia -e 'using Pkg; Pkg.instantiate(); Pkg.precompile()'",
            f"ENV JULIA_DEPOT_PATH=/tmp/julia:{HOME}/depot",
        ]
    )


def pin_bases(dockerfile: bytes, pin: Callable[[str], str]) -> bytes:
    """Replace each base image by `pin` of it; keep names that are no image's."""
    stages = {"scratch"}

    def replaced(match: re.Match[str]) -> str:
        base, stage = match["base"], match["stage"]
        # A build argument decides about this image, and only a build knows it.
        given = base if base.lower() in stages or "@" in base or "$" in base else pin(base)
        if stage:
            stages.add(stage.lower())
        return match[0].replace(base, given, 1) if given != base else match[0]

    return _FROM.sub(replaced, dockerfile.decode()).encode()


def read_bases(dockerfile: bytes) -> tuple[str, ...]:
    """Return the base images of a Dockerfile, names of its own stages included."""
    return tuple(match["base"] for match in _FROM.finditer(dockerfile.decode()))


def _install_conda(name: str) -> str:
    return (
        f"micromamba install --yes --name base --file {HOME}/{name} && micromamba clean --all --yes"
    )


def _begin(base_image: str, system: Sequence[str], *, root: bool = False) -> list[str]:
    # The image of micromamba has a user without rights, who cannot install anything.
    lines = [f"FROM {base_image}", *(["USER root"] if root else [])]
    if system:
        lines.append(
            "RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y"
            " --no-install-recommends"
            f" {' '.join(system)} && rm -rf /var/lib/apt/lists/*"
        )
    return lines


def _end(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in [*lines, "WORKDIR /work"]).encode()
