"""Run `git-datmo` as `python -m git_datmo`."""

from git_datmo.cli.entry import main

if __name__ == "__main__":
    raise SystemExit(main())
