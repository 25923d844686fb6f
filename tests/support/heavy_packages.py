"""List the packages that take long to import, and the modules that may import them."""

from __future__ import annotations

# Where each of these may be imported. `late` ones only inside a function.
HEAVY = {
    "docker": {
        "git_datmo.engines.built_images": "top",
        "git_datmo.engines.container_engine": "top",
        "git_datmo.engines.container_process": "top",
        "git_datmo.engines.container_settings": "top",
        "git_datmo.engines.engine_connection": "top",
        "git_datmo.engines.engine_refusals": "top",
        "git_datmo.engines.frozen_image": "top",
        "git_datmo.oci.registry_client": "top",
        "git_datmo.engines.build_context": "late",
        "git_datmo.engines.private_build": "top",
    },
    "requests": {
        "git_datmo.engines.built_images": "top",
        "git_datmo.engines.container_process": "top",
        "git_datmo.engines.engine_connection": "top",
        "git_datmo.engines.engine_refusals": "top",
        "git_datmo.backends.http_session": "top",
        "git_datmo.backends.lfs_backend": "top",
        "git_datmo.interop.dvc_remote_files": "late",
        "git_datmo.oci.registry_client": "top",
    },
    "anywidget": {"git_datmo.web.notebook_page": "late"},
    "traitlets": {"git_datmo.web.notebook_page": "late"},
    "distributed": {"git_datmo.cluster.cluster_client": "late"},
    "fsspec": {"git_datmo.backends.fsspec_backend": "late"},
    "sshfs": {"git_datmo.backends.fsspec_backend": "late"},
    "dulwich": {"git_datmo.git.deltas": "late"},
    "tqdm": {"git_datmo.cli.meter": "late"},
    "xxhash": {"git_datmo.objects.ingest": "late"},
    "fastjsonschema": {"git_datmo.records.codec": "late"},
    "pyfastcdc": {"git_datmo.objects.chunks": "late"},
    "detect_secrets": {"git_datmo.secrets.secret_rules": "late"},
    "packaging": {
        "git_datmo.serving_image.server_layer": "late",
        "git_datmo.environments.locked_versions": "late",
        "git_datmo.environments.requirement_lists": "late",
    },
    "tomli": {"git_datmo.environments.toml_and_yaml": "late"},
    "yaml": {
        "git_datmo.compare.documents": "late",
        "git_datmo.contracts.bounded_yaml": "late",
        "git_datmo.environments.toml_and_yaml": "late",
        "git_datmo.readers.yaml_documents": "late",
    },
    "numpy": {
        "git_datmo.compare.arrays": "late",
        "git_datmo.compare.blocks": "late",
        "git_datmo.compare.pixels": "late",
        "git_datmo.compare.tensors": "late",
        "git_datmo.contracts.check_arrays": "late",
        "git_datmo.contracts.shared_rows": "late",
        "git_datmo.contracts.table_readers.array_files": "late",
        "git_datmo.contracts.text_values": "late",
        "git_datmo.contracts.unique_values": "late",
    },
    "safetensors": {"git_datmo.compare.tensors": "late"},
    "pyarrow": {
        "git_datmo.compare.tables": "late",
        "git_datmo.interop.table_export": "late",
        "git_datmo.contracts.check_column": "late",
        "git_datmo.contracts.column_profile": "late",
        "git_datmo.contracts.column_types": "late",
        "git_datmo.contracts.conversions.arrow_types": "late",
        "git_datmo.contracts.conversions.parquet_schema": "late",
        "git_datmo.contracts.enumerations": "late",
        "git_datmo.contracts.nested_values": "late",
        "git_datmo.contracts.quality_counts": "late",
        "git_datmo.contracts.sampled_fields": "late",
        "git_datmo.contracts.table_readers.csv_table": "late",
        "git_datmo.contracts.table_readers.json_lines_table": "late",
        "git_datmo.contracts.table_readers.parquet_table": "late",
        "git_datmo.contracts.text_values": "late",
        "git_datmo.contracts.unique_values": "late",
        "git_datmo.contracts.value_rules": "late",
        "git_datmo.report.parquet_summary": "late",
    },
    "mlflow": {"git_datmo.interop.mlflow_export": "late"},
    "starlette": dict.fromkeys(
        [*(f"git_datmo.serving.front_{n}" for n in ("app", "state")), "git_datmo.web.live_server"],
        "late",
    ),
    "uvicorn": {"git_datmo.serving.front_server": "late", "git_datmo.web.live_server": "late"},
    "matplotlib": {"git_datmo.report.curve_picture": "late"},
    "plotext": {"git_datmo.cli.terminal_plot": "late"},
    "PIL": {"git_datmo.compare.pixels": "late"},
    "isal": {
        "git_datmo.git.deflate": "top",
        "git_datmo.git.pack_writer": "top",
        "git_datmo.git.pack_entries": "top",
    },
}

# Modules that bring something heavy along, and are therefore themselves imported late, and by these
# alone.
LATE_MODULES = {
    "git_datmo.engines.container_engine": {"git_datmo.engines.engine_registry"},
    "git_datmo.engines.venv_engine": {"git_datmo.engines.engine_registry"},
    "git_datmo.engines.built_images": {
        "git_datmo.serving_image.deliver_image",
        "git_datmo.space.files_outside_store",
    },
    "git_datmo.engines.host_engine": {
        "git_datmo.engines.engine_registry",
        "git_datmo.serving_image.start_in_image",
    },
    "git_datmo.backends.lfs_backend": {"git_datmo.remotes.remote_store"},
    "git_datmo.backends.fsspec_backend": {
        "git_datmo.backends.backend_registry",
        "git_datmo.interop.dvc_remote_files",
    },
    "git_datmo.cli.meter": {"git_datmo.cli.console", "git_remote_datmo.session"},
}
