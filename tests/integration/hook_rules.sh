# T66, T61, T67: rules by user and path hold for every way of reaching a file: sftp, scp, lftp, by
# name and by handle; what is hidden answers like what is not there; special bits are stripped.
# isolated: too
. "$(dirname "$0")/lib.sh"
R=$W/root/alice
mkdir -p "$R"/{ro,inbox,pub,docs/fixed,secret/deep}
echo seen >"$R/ro/file"
echo tresor | tee "$R/secret/file" "$R/pub/.hidden" >"$R/docs/fixed/file"
echo open >"$R/pub/file"
ln -s ../secret/file "$R/pub/way-in"
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}},
    {"name": "rules", "plugin": "sftp-rules", "config": {"rules": [
        {"users": ["root"]},
        {"groups": ["staff"], "paths": ["/ro"]},
        {"paths": ["/secret", "/pub/.*"], "hidden": true},
        {"paths": ["/ro", "/docs/fixed"], "read_only": true},
        {"paths": ["/inbox"], "operations": ["write", "rename", "attributes.get", "attributes.set"],
         "names_allow": ["*.csv", "*.part"], "size_max": 50000, "set_permissions": "deny"},
        {"paths": ["/"], "names_deny": ["*.exe"], "ignore_case": true, "set_times": "ignore"}]}}],
    "chains": {"sftp": ["rules"]}}'
add_user bob '{"root": "'"$R"'", "groups": ["staff"]}'
daemon_start
head -c 50000 /dev/urandom >"$W/fits.csv"
head -c 50001 /dev/urandom >"$W/large.csv"
echo x >"$W/x"

# Each line is Python, on a paramiko client s; each must be refused.
refused()
{
    TRIED=$(cat) PYTHONPATH=$TESTS/support "$PYTHON" - <<'PY'
from paramiko_client import *
with sftp_client() as s:
    def put(name, data=b"x"):
        with s.open(name, "wb") as f:
            f.write(data)
    for line in os.environ["TRIED"].splitlines():
        try:
            exec(line)
        except IOError:
            continue
        raise SystemExit("FAILED: went through: " + line)
PY
}

# --- trees that are read-only, an inbox, names ---

echo "get ro/file $W/out/got" | sftp_ target
expect_same_file "$R/ro/file" "$W/out/got"
refused <<'END'
put("ro/x")
put("ro/file")
s.remove("ro/file")
s.mkdir("ro/d")
s.chmod("ro/file", 0o600)
s.truncate("ro/file", 0)
s.rename("ro/file", "moved")
s.posix_rename("ro/file", "moved")
s.rename("pub/file", "ro/f")
s.symlink("file", "ro/l")
s.rmdir("ro")
END
expect_failure sftp_ target <<<"ln ro/file hard"
expect_failure scp_ -O "$W/x" target:ro/x
expect_failure scp_ -O "$W/x" target:ro/file
expect_equal "$(find "$R/ro" -mindepth 1 -printf '%f\n')" file "what is in a read-only tree"
expect_equal "$(cat "$R/ro/file")" seen "the content of a read-only file"
echo "put $W/x ro/x" | sftp_ -o User=bob target # another rule is his
expect_equal "$(cat "$R/ro/x")" x "what staff may do"
rm "$R/ro/x"

echo "put $W/fits.csv inbox/a.csv" | sftp_ target
scp_ -O "$W/fits.csv" target:inbox/b.csv
expect_same_file "$W/fits.csv" "$R/inbox/b.csv"
refused <<'END'
put("inbox/c.csv", bytes(50001))
put("inbox/c.txt")
s.open("inbox/a.csv", "rb")
s.listdir("inbox")
s.remove("inbox/a.csv")
s.rename("inbox/a.csv", "inbox/a.txt")
s.posix_rename("inbox/a.csv", "inbox/a.EXE")
s.chmod("inbox/a.csv", 0o777)
put("a.Exe")
s.mkdir("b.EXE")
s.symlink("x", "c.exe")
s.rename("docs", "papers")
s.symlink("docs", "papers")
s.symlink("secret/file", "way")
s.symlink("inbox/a.csv", "way")
s.symlink("/inbox/../ro", "way")
END
expect_failure scp_ -O "$W/large.csv" target:inbox/e.csv
expect_failure scp_ -O target:inbox/a.csv "$W/out/a"
expect_failure scp_ -O "$W/x" target:x.exe
expect_less "$(stat -c %s "$R/inbox/e.csv" 2>/dev/null || echo 0)" 50001 "a file that was too large, by scp"
expect_less "$(stat -c %s "$R/inbox/c.csv" 2>/dev/null || echo 0)" 50001 "a file that was too large"
sftp_ target <<<"rename inbox/a.csv pub/a.csv"
if command -v lftp >/dev/null; then
    expect_failure timeout 20 lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config';
        set net:max-retries 1; open sftp://alice:@target; rm ro/file"
fi

# --- what is hidden ---

expect_equal "$(sftp_ target <<<"ls -a pub" | grep -v sftp | tr -s ' \n' ' ' | sed 's/ $//')" \
    "pub/. pub/.. pub/a.csv pub/file pub/way-in" "a listing"
expect_equal "$(sftp_ target <<<"ls -1" | grep -c secret || true)" 0 "what is hidden, in the listing"
scp_ -O -r target:pub "$W/out/pub" || true
[ ! -e "$W/out/pub/.hidden" ] || fail "scp gave what is hidden"
expect_failure scp_ -O target:secret/file "$W/out/stolen"
expect_failure scp_ -O 'target:s*/f*' "$W/out/stolen"
expect_failure scp_ -O "$W/x" target:secret/x

raw <<'END'
def answers(s, path, name):
    """Of every request, with the name that was asked for taken out of them."""
    path = path.encode()
    requests = [(code, string(path)) for code in (sftp.STAT, sftp.LSTAT, sftp.OPENDIR, sftp.READLINK,
                                                  sftp.REALPATH, sftp.RMDIR, sftp.REMOVE)]
    requests += [(sftp.OPEN, string(path) + u32(sftp.F_READ) + sftp.NO_ATTRS),
                 (sftp.OPEN, string(path) + u32(sftp.F_WRITE) + sftp.NO_ATTRS),
                 (sftp.SETSTAT, string(path) + u32(4) + u32(0o600)),
                 (sftp.RENAME, string(path) + string(b"new"))]
    for extension, rest in ((b"posix-rename@openssh.com", string(b"new")),
                            (b"hardlink@openssh.com", string(b"new")),
                            (b"statvfs@openssh.com", b""), (b"expand-path@openssh.com", b""),
                            (b"lsetstat@openssh.com", u32(4) + u32(0o600)),
                            (b"check-file-name", string(b"md5") + u64(0) + u64(0) + u32(0)),
                            (b"md5-hash", u64(0) + u64(0) + string(b""))):
        requests.append((sftp.EXTENDED, string(extension) + string(path) + rest))
    found = []
    for code, body in requests:
        answer, reader = s.ask(code, body)
        found.append((answer, reader.bytes(reader.left()).replace(name, b"NAME")))
    return found
s = Sftp(user())
for hidden, missing, name in (("secret", "absent", "secret"), ("pub/.hidden", "pub/absent", ".hidden"),
                              ("secret/file", "absent/file", "secret"),
                              ("secret/deep/none", "absent/deep/none", "secret")):
    there = answers(s, hidden, name.encode())
    not_there = answers(s, missing, missing.split("/")[1 if name[0] == "." else 0].encode())
    for i, (a, b) in enumerate(zip(there, not_there)):
        # The length of the name is the only thing that may differ in a NAME.
        check(a == b or (a[0] == b[0] == sftp.NAME), f"{hidden}, request {i}: {a} and {b}")

# --- attributes, with every request that has them: never a set-user-ID bit ---
def mode(n):
    return u32(4) + u32(n)
check(s.status(sftp.MKDIR, string("m") + mode(0o6755)) == sftp.OK, "mkdir")
h = s.open("f", sftp.F_WRITE | sftp.F_CREAT, mode(0o6755))
check(s.status(sftp.FSETSTAT, string(h) + mode(0o7711)) == sftp.OK, "fsetstat")
s.close(h)
check(s.status(sftp.SETSTAT, string("f") + mode(0o7711)) == sftp.OK, "setstat")
check(s.status(sftp.SETSTAT, string("m") + mode(0o7711)) == sftp.OK, "setstat of a directory")
for attrs in (u32(1) + u64(0), mode(0o600), u32(8) + u32(1) * 2, u32(2) + u32(0) * 2):
    for path in ("ro/file", "docs/fixed/file"):
        check(s.status(sftp.SETSTAT, string(path) + attrs) == sftp.PERMISSION_DENIED, path)
        h = s.open(path, sftp.F_READ, mode(0o600))  # attributes that mean nothing
        check(s.status(sftp.FSETSTAT, string(h) + attrs) == sftp.PERMISSION_DENIED, "f" + path)
        check(s.status(sftp.EXTENDED, string("lsetstat@openssh.com") + string(path) + attrs)
              == sftp.PERMISSION_DENIED, "l" + path)
check(s.status(sftp.SETSTAT, string("pub/file") + u32(2) + u32(0) * 2) != sftp.OK, "chown to root")
check(s.status(sftp.SETSTAT, string("pub/file") + u32(8) + u32(1) * 2) == sftp.OK, "ignored times")
check(s.status(sftp.SETSTAT, string("inbox/b.csv") + u32(1) + u64(50001)) == sftp.FAILURE, "growing")
check(s.status(sftp.OPEN, string("inbox/n.csv") + u32(sftp.F_WRITE | sftp.F_CREAT | sftp.F_APPEND)
               + sftp.NO_ATTRS) == sftp.OP_UNSUPPORTED, "appending")
# A copy is bounded like a write.
big = s.open("big", sftp.F_READ | sftp.F_WRITE | sftp.F_CREAT)
check(s.write(big, 60000, b"x") == sftp.OK, "a large file where any may be")
into = s.open("inbox/copy.csv", sftp.F_WRITE | sftp.F_CREAT)
def copy(length):
    return s.status(sftp.EXTENDED, string("copy-data") + string(big) + u64(0) + u64(length)
                    + string(into) + u64(0))
check(copy(0) == sftp.FAILURE and copy(50001) == sftp.FAILURE, "copies that are too large")
check(copy(50000) == sftp.OK, "a copy that fits")
END
expect_equal "$(stat -c %a "$R/m" "$R/f" | tr '\n' ' ')" "711 711 " "modes"
expect_less 86400 "$(stat -c %Y "$R/pub/file")" "a time that was ignored"
expect_equal "$(stat -c %a "$R/ro/file")" "$(stat -c %a "$R/pub/file")" "the mode of a read-only file"
expect_equal "$(cat "$R/secret/file" "$R/docs/fixed/file" | sort -u)" tresor "what was hidden and fixed"
