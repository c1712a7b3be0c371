# T60: a directory that is swapped for a symbolic link during the calls never leads out: of the root,
# or of the home that a user is restricted to.
. "$(dirname "$0")/lib.sh"
need cc
add_user bob "{\"root\": \"$W/root\", \"home\": \"/alice\", \"restrict_to_home\": true}"
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
sessions = Sftp(user()), Sftp(user("bob"))
inside, refused = [0, 0], [0, 0]
end, who = time.monotonic() + 8, 0
while time.monotonic() < end:
    who = 1 - who
    s = sessions[who]
    answer, reader = s.ask(sftp.OPEN, string("dir/file") + u32(sftp.F_READ) + sftp.NO_ATTRS)
    if answer == sftp.STATUS:
        refused[who] += 1
    else:
        handle = reader.string()
        data = s.read(handle, 0, 100)
        check(data == b"inside\n", f"the race was lost: {data!r}")
        inside[who] += 1
        s.close(handle)
    answer, reader = s.ask(sftp.OPEN, string("dir/new") + u32(sftp.F_WRITE | sftp.F_CREAT)
                           + sftp.NO_ATTRS)
    if answer == sftp.HANDLE:
        s.close(reader.string())
check(min(inside) > 20 and min(refused) > 20, f"no race took place: {inside} inside, {refused} refused")
END
kill $swapper
[ ! -e "$W/root/outside/new" ] || fail "a file was made outside"
