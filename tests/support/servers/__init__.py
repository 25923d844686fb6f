"""Serve real git repositories: no mock stands between the tested code and a host's answers."""
