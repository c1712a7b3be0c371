# What an sftp user types: directories, listings, renames, links, copies, permissions, times, df.
# isolated: too
. "$(dirname "$0")/lib.sh"
daemon_start

echo text >"$W/file"
touch -d '2001-02-03 04:05:06 UTC' "$W/file"
chmod 640 "$W/file"
sftp_ target >"$W/out/listing" <<END
mkdir dir
put -p $W/file dir/one
rename dir/one dir/two
ln dir/two dir/hard
ln -s two dir/soft
cp dir/two copy
ls -l dir
chmod 600 dir/hard
df -h
pwd
END
cd "$W/root/alice/dir"
expect_equal "$(cat two)" text "content after rename"
expect_equal "$(readlink soft)" two "symbolic link"
expect_equal "$(stat -c %h two)" 2 "hard links"
expect_equal "$(stat -c %a two)" 600 "permissions"
expect_equal "$(stat -c %Y two)" "$(date -d '2001-02-03 04:05:06 UTC' +%s)" "time"
expect_match "$(cat "$W/out/listing")" 'soft' "listing"
expect_match "$(cat "$W/out/listing")" " $(id -un) +$(id -gn) +5 " "names of the owner and the group"
expect_equal "$(cat ../copy)" text "content of a copy"
expect_match "$(cat "$W/out/listing")" 'Remote working directory: /' "working directory"

sftp_ target <<END
rm dir/soft
rm dir/hard
rm dir/two
rmdir dir
END
[ ! -e "$W/root/alice/dir" ] || fail "the directory is still there"
expect_failure sftp_ target <<<'get no-such-file'
expect_match "$(cat "$W/out/failure")" 'not found|No such file' "error for a missing file"
