#!/usr/bin/env python3
"""future_headers.py: the headers as a later minor version might have them.

usage: future_headers.py INCLUDE_DIRECTORY TARGET_DIRECTORY

Every struct that grows gets a field at its end, every table a slot, the host a service and the
descriptor a function, all named "future"; the minor version is one more. Plugins compiled against
them show whether today's core bears with what it cannot know.
"""
import os
import re
import shutil
import sys

from ledger import FIXED, fields_of, grows

APPENDED = {
    "sp_host": "    int32_t (*future)(const struct sp_host *host);\n",
    "sp_plugin": "    void (*future)(void *self);\n",
}
SLOT = "    int32_t (*future)(void *self, const struct sp_event *event);\n"
FIELD = "    uint64_t future;\n"


def grown(match):
    name, body = match[1], match[2]
    plain = re.sub(r"/\*.*?\*/", " ", body, flags=re.S)
    fields = list(fields_of(plain))
    if name in FIXED or not fields or not grows(name, fields):
        return match[0]
    more = APPENDED.get(name) or (SLOT if name.endswith("_v1") else FIELD)
    return f"struct {name} {{{body}{more}}};"


def main():
    source, target = sys.argv[1], os.path.join(sys.argv[2], "sallyport")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(os.path.join(source, "sallyport"), target)
    for name in os.listdir(target):
        path = os.path.join(target, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"^struct (\w+) \{(.*?)^\};", grown, text, flags=re.S | re.M)
        text = re.sub(r"(#define SP_ABI_MINOR) (\d+)", lambda m: f"{m[1]} {int(m[2]) + 1}", text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
