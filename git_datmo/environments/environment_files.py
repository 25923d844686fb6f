"""Write an environment as three files: its manifest (`environment.json`), lock and Dockerfile.

Pure. The same manifest gives the same bytes on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from git_datmo.environments.conda import LIST, explicit_list
from git_datmo.environments.dockerfile import (
    julia_dockerfile,
    pin_bases,
    python_dockerfile,
    r_dockerfile,
    read_bases,
    starting_dockerfile,
)
from git_datmo.environments.manifest import DOCKERFILE, LOCK, MANIFEST, Manifest, encode_manifest


@dataclass(frozen=True, slots=True)
class Environment:
    """The files of an environment; `id` is the SHA-256, in hex, of their names and bytes."""

    id: str
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Environment:
        digest = hashlib.sha256()
        for name, content in sorted(files.items()):
            # With the lengths, no other list of files gives the same bytes.
            digest.update(b"%d %s %d\0" % (len(name.encode()), name.encode(), len(content)))
            digest.update(content)
        return cls(digest.hexdigest(), dict(files))


def assemble(
    manifest: Manifest, dockerfile: bytes | None, files: Mapping[str, bytes]
) -> Environment:
    """Return the environment of a manifest with the files that it names."""
    if dockerfile is None:
        dockerfile = generated_dockerfile(manifest)
    if manifest.is_of_conda:
        files = {**files, LIST: explicit_list(manifest.conda)}
    return Environment.of(
        {
            MANIFEST: encode_manifest(manifest),
            LOCK: manifest.lock(),
            DOCKERFILE: dockerfile,
            **files,
        }
    )


def generated_dockerfile(manifest: Manifest) -> bytes:
    """Return the Dockerfile for a repository without one."""
    match manifest.implementation:
        case "r":
            return r_dockerfile(manifest.base_image, system=manifest.system)
        case "julia":
            return julia_dockerfile(manifest.base_image, system=manifest.system)
    return layered_dockerfile(manifest, (LOCK,) if manifest.installed_by_pip() else ())


def layered_dockerfile(manifest: Manifest, locks: Sequence[str]) -> bytes:
    """Return the same for Python with one layer for each of `locks`."""
    conda = LIST if manifest.is_of_conda else ""
    return python_dockerfile(
        manifest.base_image,
        locks=locks,
        system=manifest.system,
        archives=manifest.archives(),
        conda=conda,
    )


def own_dockerfile(manifest: Manifest) -> bytes:
    """Return a Dockerfile of the same for a person to edit and commit."""
    if manifest.is_foreign:
        return generated_dockerfile(manifest)
    packages = [package.requirement() for package in manifest.installed_by_pip()]
    conda = explicit_list(manifest.conda).decode().splitlines() if manifest.is_of_conda else ()
    left_out = [local.name for local in manifest.local if local.path is None]
    return starting_dockerfile(
        manifest.base_image, packages, system=manifest.system, left_out=left_out, conda=conda
    )


def pinned(environment: Environment, manifest: Manifest, pin: Callable[[str], str]) -> Environment:
    """Return an environment whose base images are replaced by `pin`."""
    files = environment.files
    if manifest.dockerfile == "repository":
        return Environment.of({**files, DOCKERFILE: pin_bases(files[DOCKERFILE], pin)})
    # A reference with a digest is exact already.
    if "@" in manifest.base_image:
        return environment
    exact = replace(manifest, base_image=pin(manifest.base_image))
    return Environment.of(
        {**files, MANIFEST: encode_manifest(exact), DOCKERFILE: generated_dockerfile(exact)}
    )


def pinned_alike(environment: Environment, manifest: Manifest, other: Environment) -> Environment:
    """Return an environment whose base images have the digests that `other` has."""
    both = zip(
        read_bases(environment.files[DOCKERFILE]), read_bases(other.files[DOCKERFILE]), strict=False
    )
    # A reference without a tag means `latest`.
    known = {
        base: exact for base, exact in both if exact.partition("@")[0] in (base, f"{base}:latest")
    }
    return pinned(environment, manifest, lambda reference: known.get(reference, reference))
