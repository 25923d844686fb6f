"""The remote helper that git starts for `datmo::` URLs and for remotes with `vcs = datmo`
(gitremote-helpers)."""
