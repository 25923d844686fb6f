"""Choose the environment variables that belong to a run: seeds, threads, and switches of
libraries."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from git_datmo.errors import DatmoError

ALLOWED = frozenset(
    {
        "BLIS_NUM_THREADS",
        "CUBLAS_WORKSPACE_CONFIG",
        "CUDA_DEVICE_ORDER",
        "CUDA_LAUNCH_BLOCKING",
        "CUDA_VISIBLE_DEVICES",
        "GIT_DATMO_AUTOLOG",
        "HIP_VISIBLE_DEVICES",
        "JAX_DEFAULT_MATMUL_PRECISION",
        "JAX_ENABLE_X64",
        "JULIA_NUM_THREADS",
        "KERAS_BACKEND",
        "MKL_CBWR",
        "MKL_DYNAMIC",
        "MKL_NUM_THREADS",
        "MKL_THREADING_LAYER",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "NVIDIA_TF32_OVERRIDE",
        "OMP_DYNAMIC",
        "OMP_NUM_THREADS",
        "OMP_SCHEDULE",
        "OPENBLAS_CORETYPE",
        "OPENBLAS_NUM_THREADS",
        "POLARS_MAX_THREADS",
        "PYTHONHASHSEED",
        "PYTHONOPTIMIZE",
        "PYTHONUTF8",
        "PYTORCH_CUDA_ALLOC_CONF",
        "PYTORCH_ENABLE_MPS_FALLBACK",
        "RAYON_NUM_THREADS",
        "R_DATATABLE_NUM_THREADS",
        "TF_CUDNN_DETERMINISTIC",
        "TF_DETERMINISTIC_OPS",
        "TF_ENABLE_ONEDNN_OPTS",
        "TF_NUM_INTEROP_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TOKENIZERS_PARALLELISM",
        "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
        "TZ",
        "VECLIB_MAXIMUM_THREADS",
        "XLA_FLAGS",
    }
)
_SEED = re.compile(r"(?:[A-Z0-9]+_)*SEED\Z")
_NUMBER = re.compile(r"-?[0-9]{1,20}\Z")


def allowed_variables(environ: Mapping[str, str], *, more: Collection[str] = ()) -> dict[str, str]:
    """Return the variables that decide results. All others may be secrets or names of the host.

    A seed is a numeric variable with SEED in its name: `SEED=3`, `PL_GLOBAL_SEED=42`.
    """
    allowed = {
        name: value
        for name, value in sorted(environ.items())
        if name in more or _decides(name, value)
    }
    for name, value in allowed.items():
        # A surrogate stands for a byte that is not UTF-8 (PEP 383).
        if not value.isprintable() and (
            set(value) & set("\0\r\n") or any("\ud800" <= c <= "\udfff" for c in value)
        ):
            raise DatmoError(
                f"the variable '{name}' is not one line of UTF-8", "unset or correct it"
            )
    return allowed


def _decides(name: str, value: str) -> bool:
    return name in ALLOWED or (_SEED.match(name) is not None and _NUMBER.match(value) is not None)
