# A directory, memory and a store of objects side by side in one tree: files go from each to each, by
# renaming and by copying, and a client that knows nothing of it mirrors all of them.
# seconds: 180
. "$(dirname "$0")/lib.sh"
. "$TESTS/support/object_store.sh"
need lftp
store_start
use_store '{"prefix": "/all/"}'
mkdir -p "$W/disk"
configure "$("$PYTHON" - "$W" <<'END'
import json, sys
with open(sys.argv[1] + "/config.json") as file:
    plugins = json.load(file)["plugins"]
plugins.append({"name": "memory", "plugin": "fs-memory"})
print(json.dumps({"plugins": plugins, "mounts": [
    {"path": "/", "provider": "files", "root": sys.argv[1] + "/disk"},
    {"path": "/memory", "provider": "memory"},
    {"path": "/objects", "provider": "objects", "root": "%u"},
    {"path": "/objects/memory", "provider": "memory", "root": "inner"}]}))
END
)"
add_user alice '{"root": null}'
add_user bob '{"root": null, "home": "/objects/home", "restrict_to_home": true}'
daemon_start

export LC_ALL=C
list() # DIRECTORY
{
    sftp_ target <<<"ls -1 $1" | grep -v '^sftp>' | tr '\n' ' '
}
expect_equal "$(list /)" "/memory /objects " "the root"
expect_equal "$(list /objects)" "/objects/memory " "the store's root"

# Round and round, and back where it came from.
random_file "$W/data" 6000000
sftp_ target <<END
put -p $W/data /one
rename /one /memory/two
rename /memory/two /objects/three
rename /objects/three /objects/memory/four
rename /objects/memory/four /objects/five
rename /objects/five /six
get /six $W/out/six
END
expect_same_file "$W/data" "$W/out/six"
expect_same_file "$W/data" "$W/disk/six"
expect_equal "$(list /memory)$(list /objects)$(list /objects/memory)" "/objects/memory " "what is left on the way"
expect_equal "$(find "$W/disk" -type f)" "$W/disk/six" "what is left on the disk"

# Over what is there, or not.
echo old >"$W/old"
for target in /memory/there /objects/there /there; do
    sftp_ target <<END
put $W/old $target
put $W/data /memory/from
rename /memory/from $target-new
rename $target-new $target
get $target $W/out/there
END
    expect_same_file "$W/data" "$W/out/there"
done
raw <<'END'
s = Sftp(user())
def status(*names):
    return s.status(sftp.RENAME, b"".join(string(name) for name in names))
for source in ("/there", "/memory/there", "/objects/there"):
    for target in {"/there", "/memory/there", "/objects/there"} - {source}:
        check(status(source, target) == sftp.FAILURE, f"{source} has replaced {target}")
        check(s.status(sftp.EXTENDED, string("hardlink@openssh.com") + string(source)
                       + string(target + "2")) in (sftp.OK, sftp.FAILURE, sftp.OP_UNSUPPORTED), "link")
check(s.names(sftp.REALPATH, "/objects/memory/../../memory/./x") == [b"/memory/x"], "realpath")
END

# A tree over all three and back.
for directory in a objects/b memory/c objects/memory/d; do
    mkdir -p "$W/tree/$directory"
    random_file "$W/tree/$directory/large" 5500000
    random_file "$W/tree/$directory/small" 10
done
lftp_()
{
    lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config'; set net:max-retries 1;
        set net:timeout 20; open sftp://alice:x@target; $1"
}
lftp_ "mirror -R --no-perms $W/tree /"
lftp_ "mirror --no-perms --parallel=3 / $W/out/tree"
for directory in a objects/b memory/c objects/memory/d; do
    expect_same_tree "$W/tree/$directory" "$W/out/tree/$directory"
done
expect_same_file "$W/tree/objects/b/small" "$(object all/alice/b/small)"

# A home in the store of objects.
sftp_ -o User=bob target <<<"put $W/old mine"
expect_same_file "$W/old" "$(object all/bob/home/mine)"
expect_failure sftp_ -o User=bob target <<<"get ../../alice/b/small $W/out/got"
expect_equal "$(uploads_left)" 0 "uploads that are left at the store"
