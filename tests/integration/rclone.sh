# rclone copies a tree to the server and back, and checks it by hashes: it asks for them by commands
# (md5sum, sha1sum), which the core serves to users who may run none.
# isolated: too
. "$(dirname "$0")/lib.sh"
need rclone md5sum sha1sum
add_user filer '{"permit": ["sftp"]}'
daemon_start

export RCLONE_CONFIG=$W/rclone.conf
cat >"$RCLONE_CONFIG" <<END
[there]
type = sftp
host = 127.0.0.1
port = $PORT
user = filer
key_file = $W/key
END
rclone_()
{
    rclone --retries 1 --low-level-retries 1 --contimeout 20s --timeout 60s "$@"
}

mkdir -p "$W/tree/a b" "$W/tree/empty"
for file in plain 'a b/two words' "a b/it's \$HOME; \`x\`" 'a b/back\slash' 'a b/*?[x]~' -dash; do
    random_file "$W/tree/$file" 70000
done
: >"$W/tree/nothing"
rclone_ copy --create-empty-src-dirs "$W/tree" there:tree
expect_same_tree "$W/tree" "$W/root/filer/tree"
rclone_ check "$W/tree" there:tree
rclone_ copy there:tree "$W/out/tree" --create-empty-src-dirs
expect_same_tree "$W/tree" "$W/out/tree"

for algorithm in md5 sha1; do
    expect_equal "$(rclone_ ${algorithm}sum there:tree | sort)" \
        "$(rclone_ ${algorithm}sum "$W/tree" | sort)" "what rclone says of $algorithm"
done
grep -q 'sftp.hash_command.*user=filer algorithm=sha1' "$W/log" || fail "rclone asked for no hash"

# The same size and time, another content: only the hash tells.
cp -p "$W/root/filer/tree/plain" "$W/before"
printf X | dd of="$W/root/filer/tree/plain" bs=1 seek=500 conv=notrunc status=none
cmp -s "$W/before" "$W/root/filer/tree/plain" &&
    printf Y | dd of="$W/root/filer/tree/plain" bs=1 seek=500 conv=notrunc status=none
touch -r "$W/before" "$W/root/filer/tree/plain"
expect_failure rclone_ check "$W/tree" there:tree
expect_match "$(cat "$W/out/failure")" 'differ|Hash' "what rclone says of a changed file"

# A command line for coreutils, from ssh; and with a shell, the shell is asked first.
expect_equal "$(ssh_ filer@target 'sha256sum "tree/a b/two words" -- /tree/nothing')" \
    "$(cd "$W/tree" && sha256sum 'a b/two words' nothing | sed 's#  a#  tree/a#; s#  n#  /tree/n#')" \
    "sha256sum by ssh"
expect_equal "$(ssh_ filer@target sha512sum <"$W/tree/plain")" "$(sha512sum <"$W/tree/plain")" \
    "sha512sum of standard input"
expect_failure ssh_ filer@target 'md5sum /tree/none'
expect_match "$(cat "$W/out/failure")" 'md5sum: /tree/none: No such file' "a file that is not there"
expect_failure ssh_ filer@target 'md5sum -c list'
expect_equal "$(ssh_ target 'md5sum /dev/null' | cut -c1-32)" d41d8cd98f00b204e9800998ecf8427e \
    "md5sum in a shell"
expect_no_log 'sftp.hash_command.*user=alice'

# Switched off, nobody serves them.
configure '{"sftp": {"hash_commands": false}}'
reload
expect_failure ssh_ filer@target 'md5sum /tree/nothing'
