"""Translate a job's limits and folders into settings of a container."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from docker.models.containers import Container
from docker.types import DeviceRequest, Mount

from git_datmo.engines.engine_contract import CONTAINER_ROOT, Job
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.errors import DatmoError

WORK = PurePosixPath(CONTAINER_ROOT)
NOBODY = 65534


def limit_settings(limits: ResourceLimits) -> dict[str, Any]:
    """Return a job's limits as arguments for the creation of a container."""
    settings: dict[str, Any] = {} if limits.network else {"network_mode": "none"}
    if limits.memory is not None:
        # No swap, so that the limit ends a run instead of slowing it down.
        settings |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    if limits.cpus is not None:
        settings["nano_cpus"] = round(limits.cpus * 1_000_000_000)
    if limits.gpus:
        settings["device_requests"] = [_gpus(limits.gpus)]
    if limits.devices:
        settings["devices"] = [f"{device}:{device}:rwm" for device in limits.devices]
    return settings


def sealed_settings(user: tuple[int, int]) -> dict[str, Any]:
    """Return the settings of a container that writes nowhere but in memory, and is not root.

    `user` are the uid and gid of a container that is not sealed. Uid 0 of a rootless engine is the
    user who runs it, so that user becomes nobody, too.
    """
    return {
        "read_only": True,
        "tmpfs": {"/tmp": ""},  # noqa: S108 - the container's own
        **({"user": f"{NOBODY}:{NOBODY}"} if user[0] == 0 else {}),
    }


def _gpus(gpus: str) -> DeviceRequest:
    """Return the device request for `all`, a number of GPUs, or their ids."""
    kind = [["gpu"]]
    if gpus == "all":
        # A count of -1 requests all devices (Docker Engine API, DeviceRequest).
        return DeviceRequest(count=-1, capabilities=kind)
    if gpus.isdecimal():
        return DeviceRequest(count=int(gpus), capabilities=kind)
    return DeviceRequest(device_ids=gpus.split(","), capabilities=kind)


def require_gpus(container: Container, limits: ResourceLimits) -> None:
    """Raise `DatmoError` if the engine ignored the request for GPUs.

    Podman 4.3 does so without an error.
    """
    if limits.gpus and not container.attrs.get("HostConfig", {}).get("DeviceRequests"):
        raise DatmoError(
            f"the container engine does not support '--gpus {limits.gpus}'",
            "name their devices: --device /dev/nvidia0",
        )


def bind_mounts(job: Job) -> list[Mount]:
    """Return the bind mounts of the job's folder and of the read-only paths in it.

    Raises `DatmoError` for a missing path, which the `volumes` form would create, and for a path
    that leads out of the folder.
    """
    mounts = []
    for path in ("", *job.read_only):
        source = (job.folder / path).resolve()
        if not source.exists() or (path == "" and not source.is_dir()):
            raise DatmoError(f"cannot run in '{source}': there is no such folder")
        if not source.is_relative_to(job.folder.resolve()):
            raise DatmoError(f"cannot run with '{path}': it leads out of '{job.folder}'")
        protected = path != "" or job.sealed
        mounts.append(Mount(str(WORK / path), str(source), type="bind", read_only=protected))
    return mounts
