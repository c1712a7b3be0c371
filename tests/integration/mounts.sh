# isolated: too
# Several providers in one tree, which is another for each user: mounts by user and group, the user's
# name in a root, read-only ones, what is listed, and what cannot be done to a mount.
. "$(dirname "$0")/lib.sh"
need lftp
mkdir -p "$W"/{main/below,homes/alice,homes/bob,archive,team}
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "memory", "plugin": "fs-memory"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "mounts": [
    {"path": "/", "provider": "files", "root": "'"$W"'/main"},
    {"path": "/own", "provider": "files", "root": "'"$W"'/homes/%u"},
    {"path": "/archive", "provider": "files", "root": "'"$W"'/archive", "access": "read-only"},
    {"path": "/archive/new", "provider": "memory", "root": "new"},
    {"path": "/below/team", "provider": "files", "root": "'"$W"'/team", "groups": ["staff*"]},
    {"path": "/memory", "provider": "memory", "root": "%u"},
    {"path": "/memory/bob", "provider": "memory", "root": "bob", "users": ["b?b"]}]}'
add_user alice '{"root": null, "groups": ["users", "staff-a"]}'
add_user bob '{"root": null}'
echo old >"$W/archive/old"
echo team >"$W/team/file"
chmod 750 "$W/archive"
touch -d '2001-02-03 04:05:06Z' "$W/archive"
daemon_start

# What each user sees.
names() # USER DIRECTORY
{
    sftp_ -o "User=$1" target <<<"ls -1a $2" | grep -v '^sftp>' | sed 's,.*/,,' | sort | tr '\n' ' '
}
export LC_ALL=C
expect_equal "$(names alice /)" ". .. archive below memory own " "alice's root"
expect_equal "$(names alice /below)" ". .. team " "what is below for alice"
expect_equal "$(names bob /below)" ". .. " "what is below for bob"
expect_equal "$(names bob /memory)" ". .. bob " "bob's memory"
expect_equal "$(names alice /memory)" ". .. " "alice's memory"
expect_failure sftp_ -o User=bob target <<<"ls /below/team"
# Mounts look as their providers say.
sftp_ target <<<"ls -la /" >"$W/out/list"
expect_match "$(cat "$W/out/list")" 'drwxr-x---.*Feb +3 +2001 [^ ]*archive' "the archive's attributes"

echo data >"$W/data"
sftp_ target <<END
put $W/data /own/mine
put $W/data /below/team/data
put $W/data /archive/new/data
mkdir /memory/d
put $W/data /memory/d/data
get /archive/old $W/out/old
END
expect_same_file "$W/data" "$W/homes/alice/mine"
expect_same_file "$W/data" "$W/team/data"
expect_same_file "$W/archive/old" "$W/out/old"
for command in "put $W/data /archive/x" "rm /archive/old" "mkdir /archive/d" "chmod 700 /archive" \
    "rename /archive/old /own/old" "rename /own/mine /archive/old" "ln /archive/old /own/l" \
    "rmdir /own" "rm /own" "rename /own /x" "rename /below /x" "rmdir /below" "mkdir /memory" \
    "ln -s x /own" "ln /own/mine /below/team/mine" "rename /own /memory/own"; do
    expect_failure sftp_ target <<<"$command"
done
[ -e "$W/archive/old" ] && [ -e "$W/homes/alice/mine" ] || fail "a file is lost"

# A tree goes over all of them, and back, by a client that knows nothing of mounts.
mkdir -p "$W/tree/own/t" "$W/tree/memory/t/u" "$W/tree/archive/new/t" "$W/tree/t"
for directory in own/t memory/t/u archive/new/t t; do
    random_file "$W/tree/$directory/file" 300000
done
lftp_()
{
    lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config'; set net:max-retries 1;
        set net:timeout 20; set mirror:set-permissions no; open sftp://alice:x@target; $1"
}
lftp_ "mirror -R --no-perms $W/tree /"
lftp_ "mirror --no-perms --parallel=3 / $W/out/tree"
for directory in own/t memory/t/u archive/new/t t; do
    expect_same_tree "$W/tree/$directory" "$W/out/tree/$directory"
done
expect_same_tree "$W/team" "$W/out/tree/below/team"
scp_ -O -r target:/own/t "$W/out/by-scp"
expect_same_tree "$W/tree/own/t" "$W/out/by-scp"
