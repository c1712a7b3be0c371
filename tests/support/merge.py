"""merge.py FILE PATCH: apply a JSON merge patch (RFC 7396) to a JSON file, atomically.

SALLYPORT_ISOLATION in the environment is the "isolation" of all plugin instances that have none of
their own.
"""
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


def replace(path, value):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=4)
    os.chmod(path + ".new", 0o600)
    os.replace(path + ".new", path)


def isolate(config, isolation):
    for instance in config.get("plugins", []):
        instance.setdefault("isolation", isolation)


def main():
    path, patch = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        value = json.load(file)
    value = merge(value, json.loads(patch))
    if "SALLYPORT_ISOLATION" in os.environ:
        isolate(value, os.environ["SALLYPORT_ISOLATION"])
    replace(path, value)


if __name__ == "__main__":
    main()
