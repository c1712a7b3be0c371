# Two hooks around every operation, with real clients: the order in which they are asked, what they
# see, operations that they lead elsewhere, and answers of their own.
# isolated: too
# seconds: 90
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/meddler-reactor" ] || skip "the build has no meddler"

hooks() # RULES-OF-FIRST [RULES-OF-SECOND]
{
    configure "{\"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\",
         \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}},
        {\"name\": \"first\", \"plugin\": \"meddler-reactor\", \"config\": {\"rules\": $1}},
        {\"name\": \"second\", \"plugin\": \"meddler-connection\", \"config\": {\"rules\": ${2:-[]}}}],
        \"chains\": {\"sftp\": [\"first\", \"second\"]}}"
    if [ -n "$DAEMON_PID" ]; then reload; else daemon_start; fi
    SEEN=$(wc -l <"$W/log")
}

# What hooks have said of an operation since then: "first before", "second before" …
said() # OPERATION PATH
{
    tail -n "+$((SEEN + 1))" "$W/log" |
        sed -nE "s|.*instance=(first\|second).*\"(before\|after) $1 $2 .*|\1 \2|p"
}

python() # as paramiko_client's names; s is a client
{
    { echo "from paramiko_client import *"; echo "with sftp_client() as s:"; sed 's/^/    /'; } |
        PYTHONPATH="$TESTS/support" "$PYTHON" -
}

configure '{"workers": 1}'
R=$W/root/alice
echo 'local file' >"$W/local"

# --- order ---

hooks '[]'
echo "put $W/local a" | sftp_ target
for operation in open write fsetstat close; do
    [ $operation != fsetstat ] || continue # without -p there is none
    wait_for 10 "$operation: the end" eval "[ \"\$(said $operation /a | tail -n 1)\" = 'first after' ]"
    expect_equal "$(said $operation /a | tr '\n' ',')" \
        'first before,second before,second after,first after,' "the order of $operation"
done
scp_ -O "$W/local" target:b
wait_for 10 "scp's close" eval "[ \"\$(said close /b | tail -n 1)\" = 'first after' ]"
expect_equal "$(said write /b | tr '\n' ',')" \
    'first before,second before,second after,first after,' "the order of scp's write"
wait_log 'after write /b protocol=2 .*count=11'
wait_log 'before write /a protocol=1 .*length=11 data=11'

# Large ones, whose data hooks are shown as well.
random_file "$W/large" 3000000
printf 'put %s large\nget large %s\n' "$W/large" "$W/out/large" | sftp_ target
expect_same_file "$W/large" "$W/out/large"
scp_ -O target:large "$W/out/large2"
expect_same_file "$W/large" "$W/out/large2"
scp_ -O "$W/large" target:large2
expect_same_file "$W/large" "$R/large2"

# --- led elsewhere ---

hooks '[{"on": "open", "path": "/c", "path_to": "/sub/../d"},
        {"on": "stat", "path": "/c", "path_to": "/d"},
        {"on": "mkdir", "mode": 448},
        {"on": "posix-rename", "target": "/renamed"},
        {"on": "open", "path": "/readable", "flags": 1}]'
echo "put $W/local c" | sftp_ target
expect_same_file "$W/local" "$R/d"
[ ! -e "$R/c" ] || fail "the path was not another"
scp_ -O target:c "$W/out/c"
expect_same_file "$W/local" "$W/out/c"
printf 'mkdir made\nrename d e\n' | sftp_ target
expect_equal "$(stat -c %a "$R/made")" 700 "a mode that a hook wants"
expect_same_file "$W/local" "$R/renamed"
cp "$W/local" "$R/readable"
expect_failure sftp_ target <<<"put $W/key.pub readable"
expect_same_file "$W/local" "$R/readable" # it was opened for reading

# Files are known by their numbers: the first that a channel opens is 1.
hooks '[{"on": "write", "path": "/one", "file": 2},
        {"on": "write", "path": "/three", "file": 1, "offset": 0, "length": 2}]'
python <<END
with s.open("/one", "w") as one, s.open("/two", "w") as two, s.open("/three", "w") as three:
    one.write("for the first"); one.flush()
    try:
        three.write("x"); three.flush()
        assert False, "a range that is longer than what came"
    except OSError:
        pass
END
expect_equal "$(cat "$R/two")" 'for the first' "the file that a hook named"
expect_equal "$(cat "$R/one")" '' "the file that the client named"

# Led out of the user's home, or to where nobody may write.
add_user homely "{\"root\": \"$R\", \"home\": \"/made\", \"restrict_to_home\": true}"
hooks '[{"on": "open", "path_to": "/outside"}]'
expect_failure scp_ -O -o User=homely "$W/local" target:x
grep -q 'led out of' "$W/out/failure" || fail "out of home: $(cat "$W/out/failure")"
[ ! -e "$R/outside" ] || fail "a hook led out of the home"

# --- answers of their own ---

hooks '[{"on": "read", "path": "/virtual", "do": "take", "data": "all of it"},
        {"on": "open", "path": "/virtual", "do": "take"},
        {"on": "stat", "path": "/virtual", "do": "take", "size": 4711},
        {"on": "readlink", "do": "take", "path_to": "/where"},
        {"on": "readdir", "path": "/made", "do": "take", "entries": []},
        {"on": "remove", "do": "take"}]' \
    '[{"on": "read", "path": "/a", "after": true, "do": "take", "data": "LOCAL FILE!"},
      {"on": "readdir", "path": "/", "after": true, "do": "take", "entries": ["only", "these"]},
      {"on": "stat", "path": "/a", "after": true, "do": "take", "size": 11},
      {"on": "fstat", "path": "/a", "after": true, "do": "deny", "status": 4, "text": "hidden"}]'
touch "$R/made/file"
python <<END
f = s.open("/virtual")
assert f.read(9) == b"all of it"
try:
    f.stat()
    assert False, "fstat of what only a hook knows"
except OSError:
    pass
f.close()
assert s.stat("/virtual").st_size == 4711
assert s.readlink("/whatever") == "/where"
assert s.listdir("/made") == []
s.remove("/a")
f = s.open("/a")
try:
    f.stat()
    assert False, "fstat was denied after"
except OSError as error:
    assert "hidden" in str(error), error
assert f.read(11) == b"LOCAL FILE!"
END
[ -e "$R/a" ] || fail "a hook did the removing, and yet the file is gone"
expect_equal "$(sftp_ target <<<'ls -1' | grep -v '^sftp>' | sort | tr '\n' ' ')" 'only these ' "the list"
scp_ -O target:a "$W/out/a2"
expect_equal "$(cat "$W/out/a2")" 'LOCAL FILE!' "what scp read"

# A hook's refusal after the fact, of scp's open: nothing stays open.
hooks '[{"on": "open", "after": true, "do": "deny", "text": "not after all"}]'
expect_failure scp_ -O "$W/local" target:late
grep -q 'not after all' "$W/out/failure" || fail "scp: $(cat "$W/out/failure")"
wait_log 'after close /late protocol=2 .*status=7 by=core|after close /late protocol=2 .*status=0'
expect_failure sftp_ target <<<"put $W/local later"
wait_log 'after close /later protocol=1 .*status=7 by=core'

# --- the end of a connection ---

hooks '[]'
raw <<'END'
from rawsftp import *
connection = user()
s = Sftp(connection)
s.open("/broken", F_WRITE | F_CREAT)
connection.close()
END
wait_log 'instance=first .*after close /broken protocol=1 .*status=7 by=core'
wait_log 'instance=second .*after close /broken protocol=1 .*status=7 by=core'
