"""add_user.py FILE USER PATCH: put USER (a JSON object with a name), changed by the merge patch
PATCH (null: none), into a users file, in place of one of that name."""
import json
import sys

from merge import merge, replace


def main():
    path, base, patch = sys.argv[1:]
    user = merge(json.loads(base), json.loads(patch) or {})
    with open(path, encoding="utf-8") as file:
        others = [other for other in json.load(file)["users"] if other["name"] != user["name"]]
    replace(path, {"users": others + [user]})


main()
