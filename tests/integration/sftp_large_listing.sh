# T71: a directory of very many entries, with names of every kind, asked for by several READDIRs at
# once while entries vanish: nothing comes twice, nothing is missing, and no answer is too long.
# LISTING_ENTRIES=1000000 for the whole of it.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
daemon_start
export LISTING_ENTRIES=${LISTING_ENTRIES:-100000} DIRECTORY=$W/root/alice/many

raw <<'END'
import os, time
from collections import deque
count, directory = int(os.environ["LISTING_ENTRIES"]), os.environ["DIRECTORY"]
os.mkdir(directory)
at = os.open(directory, os.O_RDONLY)
odd = [b"new\nline", b"\x1b[31mred", b"tab\there", b"\x7f\x01", b"\xff\xfe no utf-8", b" lead", b"-rf",
       b"n" * 255, b"back\\slash", b'quote"', b"..."]
for name in odd:
    os.close(os.open(name, os.O_CREAT, dir_fd=at))
first = b"0" * 40
os.close(os.open(first, os.O_CREAT, dir_fd=at))
names = {first, *odd}
for number in range(1, count - len(odd)):
    name = b"%040d" % number
    if number % 30000 == 0:  # a file has only so many links
        first = name
        os.close(os.open(first, os.O_CREAT, dir_fd=at))
    else:
        os.link(first, name, src_dir_fd=at, dst_dir_fd=at)
    names.add(name)

s = Sftp(user())
handle = s.opendir("many")
vanishing = [b"%040d" % number for number in range(7, count - len(odd), count // 500)]
seen, longest, under_way, gone = [], 0, deque(), set()
begin, at_end, first_answer = time.monotonic(), False, None
while not at_end or under_way:
    while len(under_way) < 8 and not at_end:
        under_way.append(s.send(sftp.READDIR, string(handle)))
    code, reader = s.receive()
    first_answer = first_answer or time.monotonic()
    check(reader.u32() == under_way.popleft(), "answers to one handle come in order")
    if code == sftp.STATUS:
        check(reader.u32() == sftp.EOF, "the end")
        at_end = True
        continue
    longest = max(longest, len(reader.data))
    for _ in range(reader.u32()):
        seen.append(reader.string())
        reader.string(), sftp.attributes(reader)
    if vanishing and len(gone) < 400:
        name = vanishing.pop()
        os.unlink(name, dir_fd=at)
        gone.add(name)
seconds = time.monotonic() - begin
found = set(seen)
check(len(found) == len(seen), "an entry came twice")
check(b"." in found and b".." in found, "the dots")
missing = names - found - gone
check(not missing, f"{len(missing)} are missing, such as {sorted(missing)[:3]}")
check(not found - names - {b".", b".."}, "names that are not there")
check(longest <= 256 * 1024, f"an answer of {longest} bytes")
print(f"{len(seen)} entries in {seconds:.1f} s, the first answer after {first_answer - begin:.3f} s")
check(s.close(handle) == sftp.OK and s.is_alive(), "the session goes on")
END
rm -rf "$DIRECTORY"
