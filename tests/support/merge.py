"""merge.py FILE PATCH: apply a JSON merge patch (RFC 7396) to a JSON file, atomically."""
import json
import os
import sys


def merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def main():
    path, patch = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        merged = merge(json.load(file), json.loads(patch))
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(merged, file, indent=4)
    os.chmod(path + ".new", 0o600)
    os.replace(path + ".new", path)


main()
