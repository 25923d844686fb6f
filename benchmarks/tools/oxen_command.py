"""A command line for oxen's Python package; run by the interpreter of its virtual environment, in
the repository."""

import sys


def main() -> None:
    import oxen  # type: ignore[import-not-found]
    from oxen.user import config_user  # type: ignore[import-not-found]

    verb, *words = sys.argv[1:]
    if verb == "version":
        print(oxen.__version__)
    elif verb == "init":
        config_user("A U Thor", "author@example.com")
        oxen.init(".")
    elif verb == "add":
        oxen.Repo(".").add(words[0])
    elif verb == "commit":
        oxen.Repo(".").commit("kept")
    elif verb == "restore":
        oxen.Repo(".").restore(words[0])


if __name__ == "__main__":
    main()
