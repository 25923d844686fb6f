"""Remote helper for `datmo::` URLs and remotes with `vcs = datmo` (gitremote-helpers)."""
