# The chapter on storage plugins, followed to the letter: its files are taken from its text, built, pass
# the check of all providers, and serve.
# seconds: 180
. "$(dirname "$0")/lib.sh"
need cmake cc pkg-config sftp
pkg-config --exists cmocka jansson || skip "cmocka and jansson are not installed"
[ -f "$TESTS/storage.md" ] || skip "the chapter is not here"

logged() # COMMAND...
{
    "$@" >"$W/out/build" 2>&1 || { cat "$W/out/build"; fail "$*"; }
}

sallyport plugin new fs-folder --kind fs >/dev/null
cd fs-folder
"$PYTHON" - "$TESTS/storage.md" <<'END'
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
files = re.findall(r"^File `([^`]+)`:\n\n```\w*\n(.*?)^```$", text, flags=re.S | re.M)
assert [name for name, _ in files] == ["manifest.json", "fs-folder.c", "test_fs_folder.c"]
for name, content in files:
    with open(name, "w", encoding="utf-8") as file:
        file.write(content)
END
logged cmake -B build -DCMAKE_PREFIX_PATH="$SALLYPORT_PREFIX" \
    -DCMAKE_C_FLAGS="-Werror -fsanitize=address,undefined"
logged cmake --build build
logged ctest --test-dir build --no-tests=error --output-on-failure
rm -r build
logged cmake -B build -DCMAKE_PREFIX_PATH="$SALLYPORT_PREFIX" -DCMAKE_BUILD_TYPE=Release
logged cmake --build build
sallyport plugin check build/plugins/fs-folder

mkdir "$W/folder"
cd "$W"
configure '{"plugin_directories": ["'"$PLUGIN_DIR"'", "'"$W"'/fs-folder/build/plugins"], "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "folder", "plugin": "fs-folder", "config": {"folder": "'"$W"'/folder"}},
    {"name": "shell", "plugin": "exec-shell"}],
    "mounts": [{"path": "/", "provider": "files"}, {"path": "/folder", "provider": "folder"}]}'
daemon_start
random_file data 3000000
sftp_ target <<END >out/listing
put data folder/one
rename folder/one folder/two
get folder/two out/two
ls -1 folder
END
expect_same_file data out/two
expect_same_file data folder/two
expect_equal "$(tail -n 1 out/listing)" folder/two "what is listed"
scp_ target:folder/two out/three
expect_same_file data out/three
expect_failure sftp_ target <<<"mkdir folder/below"
ln -s /etc/passwd folder/link
expect_failure sftp_ target <<<"get folder/link out/link"
sftp_ target <<<"rm folder/two"
[ ! -e folder/two ] || fail "the file was not removed"
