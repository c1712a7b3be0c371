# T60: a directory that is swapped for a symbolic link during the calls never leads out.
. "$(dirname "$0")/lib.sh"
need cc
daemon_start

mkdir "$W/root/outside" "$W/root/alice/dir"
echo secret >"$W/root/outside/file"
echo inside >"$W/root/alice/dir/file"
ln -s ../outside "$W/root/alice/link"
cat >"$W/swap.c" <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
int main(void)
{
    while (renameat2(AT_FDCWD, "dir", AT_FDCWD, "link", RENAME_EXCHANGE) == 0)
        continue;
    perror("renameat2");
    return 1;
}
END
cc -o "$W/swap" "$W/swap.c"
cd "$W/root/alice"
"$W/swap" &
swapper=$!
raw <<'END'
s = Sftp(user())
inside = refused = 0
end = time.monotonic() + 8
while time.monotonic() < end:
    answer, reader = s.ask(sftp.OPEN, string("dir/file") + u32(sftp.F_READ) + sftp.NO_ATTRS)
    if answer == sftp.STATUS:
        refused += 1
    else:
        handle = reader.string()
        data = s.read(handle, 0, 100)
        check(data == b"inside\n", f"the race was lost: {data!r}")
        inside += 1
        s.close(handle)
    answer, reader = s.ask(sftp.OPEN, string("dir/new") + u32(sftp.F_WRITE | sftp.F_CREAT)
                           + sftp.NO_ATTRS)
    if answer == sftp.HANDLE:
        s.close(reader.string())
check(inside > 20 and refused > 20, f"no race took place: {inside} inside, {refused} refused")
END
kill $swapper
[ ! -e "$W/root/outside/new" ] || fail "a file was made outside"
