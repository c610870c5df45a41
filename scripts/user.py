"""Add, change, remove and list the people of the users file."""

import argparse
import sys
from getpass import getpass

from graph import InvalidInput, LongthreadError, Settings
from ui.sign_in.people import People
from ui.sign_in.place import users_file


def main(words: list[str] | None = None) -> int:
    """0 when done, 2 when refused."""
    parser = argparse.ArgumentParser(prog="scripts/user", description=__doc__)
    parser.add_argument("do", choices=["add", "passwd", "remove", "list"])
    parser.add_argument("name", nargs="?")
    parser.add_argument("--stdin", action="store_true", help="read the password from there, one line")
    options = parser.parse_args(words)
    if (options.name is None) is not (options.do == "list"):
        parser.error("name one person; with `list`, none")
    try:
        people = People(users_file(Settings.read()))
        if options.do == "list":
            print("\n".join(people.names()))
        elif options.do == "remove":
            people.remove(options.name)
        else:
            people.add(options.name, _password(stdin=options.stdin), replace=options.do == "passwd")
    except (LongthreadError, OSError) as error:
        print(f"longthread: {error}", file=sys.stderr)
        return 2
    return 0


def _password(*, stdin: bool) -> str:
    """The new password, read once from stdin or twice from a terminal. Raises `InvalidInput`."""
    if stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise InvalidInput("The two are not the same. Nothing was changed.")
    return password


if __name__ == "__main__":
    sys.exit(main())
