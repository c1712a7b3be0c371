#!/usr/bin/env python3
"""ledger.py: what the headers of the plugin ABI consist of, and whether a frozen ledger still holds.

usage: ledger.py INCLUDE_DIRECTORY              print the ledger of these headers
       ledger.py INCLUDE_DIRECTORY LEDGER       every line of LEDGER holds; what is new is appended

A line is one of

    constant NAME VALUE
    struct NAME SIZE fixed|grows
    field STRUCT NAME OFFSET SIZE TYPE

The numbers come from the C compiler (CC, else cc): a program is made of the names found in the
headers. They are those of a machine with 64-bit pointers. A struct grows if it begins with a size, or
ends with a struct that does; the heads of events and replies and all others never do.
"""
import os
import re
import subprocess
import sys
import tempfile

# Heads: the size in them is that of the whole.
FIXED = {"sp_event", "sp_reply"}
# Constants that tell what a header knows, and so are different in a later one.
MOVING = {"SP_ABI_MINOR", "SP_PERMIT_ALL"}
ABI_HEADERS = ["types.h", "connection.h", "auth.h", "channel.h", "fs.h", "log.h", "sftp.h", "plugin.h"]


def source_of(include):
    text = ""
    for name in ABI_HEADERS:
        path = os.path.join(include, "sallyport", name)
        if not os.path.exists(path):  # of a version before it
            continue
        with open(path, encoding="utf-8") as file:
            text += file.read()
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")


def fields_of(body):
    """Names and types of a struct's fields, functions included."""
    for declaration in (" ".join(part.split()) for part in body.split(";")):
        if not declaration:
            continue
        function = re.match(r"(.+?)\(\*(\w+)\)(\(.*\))$", declaration)
        if function:
            yield function[2], f"{function[1].strip()} (*){function[3]}"
        else:
            field = re.match(r"(.+?)(\w+)$", declaration)
            yield field[2], field[1].strip()


def structs_of(text):
    for name, body in re.findall(r"^struct (\w+) \{(.*?)^\};", text, flags=re.S | re.M):
        yield name, list(fields_of(body))


def constants_of(text):
    for name, value in re.findall(r"^#define (SP_\w+)[ \t]+(\S.*)$", text, flags=re.M):
        if re.match(r'"|[-(]*\d|\(', value) and name not in MOVING:
            yield name, value.startswith('"')


def grows(name, fields):
    return name not in FIXED and fields[0][0] in ("struct_size", "head")


def growing_of(text):
    structs = dict(structs_of(text))
    own = {name for name, fields in structs.items() if grows(name, fields)}
    return own | {name for name, fields in structs.items() if fields[-1][1][len("struct "):] in own}


def program_of(text):
    out = ["#include <stdio.h>", "#include <sallyport/plugin.h>", "int main(void) {"]
    for name, is_text in constants_of(text):
        form = '\\"%s\\"' if is_text else "%lld"
        value = name if is_text else f"(long long)({name})"
        out.append(f'printf("constant {name} {form}\\n", {value});')
    growing = growing_of(text)
    for name, fields in structs_of(text):
        kind = "grows" if name in growing else "fixed"
        out.append(f'printf("struct {name} %zu {kind}\\n", sizeof(struct {name}));')
        for field, kind in fields:
            size = f"sizeof(((struct {name} *)0)->{field})"
            out.append(f'printf("field {name} {field} %zu %zu {kind}\\n", '
                       f"offsetof(struct {name}, {field}), {size});")
    return "\n".join(out + ["return 0; }"])


def ledger_of(include):
    with tempfile.TemporaryDirectory() as work:
        source, program = os.path.join(work, "ledger.c"), os.path.join(work, "ledger")
        with open(source, "w", encoding="utf-8") as file:
            file.write(program_of(source_of(include)))
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-I", include, "-o", program, source],
                       check=True)
        return subprocess.run([program], check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


def parse(lines):
    """The lines by what they are about: (kind, name …) -> the rest."""
    table = {}
    for line in lines:
        kind, rest = line.split(" ", 1)
        words = rest.split(" ", 2 if kind == "field" else 1)
        table[(kind, *words[:-1])] = words[-1]
    return table


def end_of(value):
    offset, size = value.split(" ")[:2]
    return int(offset) + int(size)


def padding(table):
    """A struct that grows must not end in padding: what is appended there would have no size of its
    own, and an old sender's struct would seem to hold it."""
    for key, value in table.items():
        if key[0] == "struct" and value.endswith("grows"):
            ends = [end_of(v) for k, v in table.items() if k[:2] == ("field", key[1])]
            if max(ends) != int(value.split()[0]):
                yield f"struct {key[1]} ends in padding: give it a reserved field"


def is_growing_field(key, value, frozen):
    kind = value.split(" ", 2)[2] if key[0] == "field" else ""
    return frozen.get(("struct", kind[len("struct "):]), "").endswith("grows")


def breaks(frozen, now):
    for key, value in frozen.items():
        name, today = " ".join(key), now.get(key)
        if today is None:
            yield f"{name} is gone"
        elif key[0] == "struct" and value.endswith("grows"):
            if int(today.split()[0]) < int(value.split()[0]) or not today.endswith("grows"):
                yield f"{name}: was {value}, is {today}"
        elif is_growing_field(key, value, frozen):
            if value.split()[0] != today.split()[0] or value.split()[2:] != today.split()[2:]:
                yield f"{name}: was {value}, is {today}"
        elif today != value:
            yield f"{name}: was {value}, is {today}"
    for key, value in now.items():
        struct = frozen.get(("struct", key[1])) if key[0] == "field" else None
        if struct and key not in frozen and int(value.split()[0]) < int(struct.split()[0]):
            yield f"{' '.join(key)} is new, but lies within what was there: append it"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    lines = ledger_of(sys.argv[1])
    now = parse(lines)
    faults = list(padding(now))
    if len(sys.argv) == 2:
        print("\n".join(lines))
    else:
        with open(sys.argv[2], encoding="utf-8") as file:
            frozen = parse(line.rstrip("\n") for line in file if not line.startswith("#"))
        faults += breaks(frozen, now)
        print(f"{len(frozen)} lines, {len(faults)} broken")
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
