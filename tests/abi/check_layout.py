#!/usr/bin/env python3
"""check_layout.py: every field of what crosses between core and plugin is in the tables of
core/plugin/layout.c; one that is not would be lost in replies, and between processes.

usage: check_layout.py INCLUDE_DIRECTORY LAYOUT_C
"""
import re
import sys

from ledger import source_of, structs_of

# What is not copied by these tables: what holds functions or descriptors, and what services take.
ELSEWHERE = {"sp_str", "sp_event", "sp_reply", "sp_host", "sp_plugin", "sp_interface",
             "sp_framing", "sp_channel_open", "sp_channel_info", "sp_channel_streams"}
# In every struct: its size and the room that is left; events' and replies' heads are checked by name.
UNSAID = {"struct_size", "reserved", "reserved2", "head"}
# File data has a way of its own.
DATA = {("sp_fs_io", "buffer")}


def main():
    include, layout = sys.argv[1:]
    with open(layout, encoding="utf-8") as file:
        rows = set(re.findall(r"FIELD(?:_OF|_LIST)?\(\s*(\w+)\s*,(?:\s*FIELD_\w+\s*,)?\s*([\w.]+)",
                              file.read()))
    missing = [f"{struct}.{field}"
               for struct, fields in structs_of(source_of(include))
               if struct not in ELSEWHERE and not struct.endswith("_v1")
               for field, _ in fields
               if field not in UNSAID and (struct, field) not in rows | DATA]
    for name in missing:
        print(f"{name} is not in {layout}", file=sys.stderr)
    print(f"{len(rows)} rows, {len(missing)} missing")
    sys.exit(1 if missing or not rows else 0)


if __name__ == "__main__":
    main()
