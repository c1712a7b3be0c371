# fs-s3 against a store of objects that checks signatures: files of each kind of size there and back
# with each client, names that need care, directories, renames, attributes, and roots.
# seconds: 180
# isolated: too
. "$(dirname "$0")/lib.sh"
. "$TESTS/support/object_store.sh"
need sftp lftp scp
store_start
use_store '{"prefix": "/all/users/", "setstat": "metadata", "part_bytes": 5242880, "copy_bytes_max": 5242880,
    "rename_objects_max": 20}'
add_user alice '{"root": "alice"}'
add_user bob '{"root": "bob", "permit": ["sftp"]}'
add_user carol '{"root": "alice", "home": "/tree", "restrict_to_home": true}'
daemon_start
random_file "$W/data" 5000
batch() # COMMANDS [USER]: what sftp prints about them
{
    echo "$1" | sftp_ "${2:-alice}@target" 2>&1 | grep -v '^sftp> ' || true
}
refused() # COMMANDS TEXT
{
    expect_match "$(batch "$1")" "$2" "$1"
}

# Sizes around a part's, one of many parts, nothing, and a single byte.
part=5242880
for size in 0 1 $((part - 1)) $part $((part + 1)) 70000001; do
    random_file "$W/out/$size" $size
    printf 'put %s %s\nget %s %s.back\n' "$W/out/$size" $size $size "$W/out/$size" | sftp_ target >/dev/null
    expect_same_file "$W/out/$size" "$W/out/$size.back"
    expect_same_file "$W/out/$size" "$(object all/users/alice/$size)"
    rm -f "$W/out/$size.back"
done
expect_equal "$(uploads_left)" 0 "uploads that are left at the store"
big=$W/out/70000001
head -c 20000000 "$big" >"$W/out/resumed"
batch "reget 70000001 $W/out/resumed" >/dev/null
expect_same_file "$big" "$W/out/resumed"

# Names: whatever a file can be called is called the same in the store.
mkdir -p "$W/tree/a b/ü+%25" "$W/tree/empty"
for name in 'plus+and space' '100%' 'a#b?c=d:e@f' 'quote"' 'tilde~,;$[]{}|^' 'snow ☃ 雪' '.hidden' 'x._y'; do
    random_file "$W/tree/a b/$name" 1000
    random_file "$W/tree/a b/ü+%25/$name" 10
done
lftp_mirror() # OPTIONS FROM TO
{
    lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config'; set net:max-retries 1;
        set net:timeout 20; open sftp://alice:x@target; mirror --no-perms $1 '$2' '$3'" \
        >"$W/out/lftp" 2>&1 || fail "lftp: $(tail -5 "$W/out/lftp")"
}
lftp_mirror -R "$W/tree" /tree
lftp_mirror "" /tree "$W/out/mirrored"
expect_same_tree "$W/tree" "$W/out/mirrored"
expect_same_file "$W/tree/a b/a#b?c=d:e@f" "$(object 'all/users/alice/tree/a b/a#b?c=d:e@f')"
for options in -O -s; do
    rm -rf "$W/out/scp"
    scp_ $options -r "$W/tree/a b" "target:by-scp$options"
    scp_ $options -r "target:by-scp$options" "$W/out/scp"
    expect_same_tree "$W/tree/a b" "$W/out/scp"
done

# Each user's root is the wall.
expect_equal "$(batch 'ls -1' bob)" "" "another user's root"
expect_match "$(batch 'get ../alice/1 /dev/null' bob)" 'not found|No such file' "a way out"
expect_equal "$(batch 'ls -1' carol)" $'a b\nempty' "a home that is the user's /"
expect_equal "$(batch $'cd /\nls -1 ../..' carol | sed 's,.*/,,')" $'a b\nempty' "above that home"

# Directories stay when they are empty, and go only then.
refused 'rmdir tree' 'not empty|Failure'
refused 'mkdir tree' 'already|Failure'
refused 'rm tree/empty' 'directory|Failure'
refused 'rmdir 1' 'No such file'
batch 'rmdir tree/empty' >/dev/null
refused 'ls tree/empty' 'not found|No such'
refused 'get none /dev/null' 'not found|No such'

# Renames: objects are copied by the store, what is large in parts, directories as far as allowed.
mkdir -p "$W/plain/a b/☃"
cp "$W/data" "$W/plain/a b/100%"
cp "$W/data" "$W/plain/a b/☃/x"
batch "put -r $W/plain" >/dev/null
expect_equal "$(batch $'rename 70000001 moved\nrename plain/a\\ b moved-tree')" "" "renames"
expect_same_file "$big" "$(object all/users/alice/moved)"
[ ! -e "$(object all/users/alice/70000001)" ] || fail "the old name is still there"
expect_same_file "$W/data" "$(object 'all/users/alice/moved-tree/100%')"
expect_same_file "$W/data" "$(object 'all/users/alice/moved-tree/☃/x')"
refused 'rename by-scp-s moved-tree' 'already|Failure'
refused 'rename moved-tree moved-tree/below' 'itself|Failure|unsupported|Invalid'
for i in $(seq 21); do echo "put $W/out/1 many/$i"; done | sftp_ target >/dev/null
refused 'rename many few' 'unsupported'
wait_log 'rename_objects_max'
expect_equal "$(batch 'ls -1 many' | wc -l)" 21 "files in a directory that was not renamed"
expect_equal "$(batch $'cp moved copied\ncp 1 one')" "" "copies"
expect_same_file "$big" "$(object all/users/alice/copied)"

# More than one page of a listing.
mkdir "$S3/files/all/users/alice/pages"
(cd "$S3/files/all/users/alice/pages" && seq -f '%.0f._S3rver_object' 2500 | xargs touch)
expect_equal "$(batch 'ls -1 pages' | sort -u | wc -l)" 2500 "names in a long listing"

PYTHONPATH=$TESTS/support BIG=$big "$PYTHON" - <<'PY'
import os, stat
import paramiko_client as p

big = open(os.environ["BIG"], "rb").read()
def refused(operation, *arguments):
    try:
        operation(*arguments)
    except (IOError, OSError) as error:
        return str(error)
    raise AssertionError("%s%r was not refused" % (operation, arguments))

with p.sftp_client() as sftp:
    # Read ahead by the client, and from here and there.
    sftp.get("moved", os.environ["BIG"] + ".prefetched")
    assert open(os.environ["BIG"] + ".prefetched", "rb").read() == big
    with sftp.open("moved", "rb") as file:
        for offset in (69000000, 5, 40000000, 40000100, 8388600, 69999999, 70000001):
            file.seek(offset)
            assert file.read(70000) == big[offset:offset + 70000], offset

    # In any order within what is not yet sent, and again.
    with sftp.open("mixed", "wb") as file:
        for offset in (8000000, 2000000, 2000000, 6000000, 0, 4000000):
            file.seek(offset)
            file.write(big[offset:offset + 2000000])
        file.seek(10000000)
        file.write(big[10000000:20000000])
    with sftp.open("mixed", "rb") as file:
        assert file.read() == big[:20000000]
    with sftp.open("holes", "wb") as file:
        file.seek(10)
        file.write(b"x")
        assert file.stat().st_size == 11
        file.truncate(20)
    assert sftp.open("holes", "rb").read() == b"\0" * 10 + b"x" + b"\0" * 9

    # What an object cannot do is refused, and leaves nothing behind.
    text = refused(sftp.open, "1", "r+")
    assert "in place" in text, text
    refused(sftp.open, "1", "a")
    file = sftp.open("rewritten", "wb")
    file.write(big[:9000000])
    file.seek(0)
    refused(lambda: (file.write(b"again"), file.flush()))
    file.close() # whatever the answer
    refused(sftp.stat, "rewritten")
    file = sftp.open("ahead", "wb")
    file.seek(40000000)
    refused(lambda: (file.write(b"too far"), file.flush()))
    file.close() # whatever the answer
    refused(sftp.stat, "ahead")

    # Attributes are kept beside the object, also when they come late, and through renames.
    with sftp.open("dated", "wb") as file:
        file.write(big[:20000000])
        file.utime((1500000000, 1400000000))
        file.chmod(0o640)
    sftp.utime("1", (1300000000, 1200000000))
    sftp.rename("dated", "dated2")
    status = sftp.stat("dated2")
    assert (status.st_mtime, stat.S_IMODE(status.st_mode), status.st_size) == (1400000000, 0o640, 20000000), status
    assert sftp.stat("1").st_mtime == 1200000000
    assert sftp.open("dated2", "rb").read() == big[:20000000]
    sftp.posix_rename("one", "1")
    refused(sftp.rename, "1", "moved")
    refused(sftp.symlink, "1", "link")
    for long in ("x" * 1025, "d/" * 500 + "x" * 30):
        refused(sftp.open, long, "wb")
    refused(sftp.mkdir, "control\x07")
    sftp.remove("moved")
    refused(sftp.remove, "moved")
PY
expect_no_log 'plugin.slow|S3RVER:'
