# T80, T81: manifests and objects that must not be loaded: each is refused with a message that says
# why, by `sallyport plugin check`, by `sallyport check` and by the daemon.
. "$(dirname "$0")/lib.sh"

bad=$W/plugins
mkdir "$bad"
copy() # NAME [SED-EXPRESSION for the manifest]
{
    mkdir "$bad/$1"
    cp -rL "$PLUGIN_DIR/fs-posix" "$bad/$1/"
    [ $# -lt 2 ] || sed -i "$2" "$bad/$1/fs-posix/manifest.json"
}
refused() # NAME REGEX
{
    expect_failure timeout 60 "$SALLYPORT_PREFIX/bin/sallyport" plugin check "$bad/$1/fs-posix"
    expect_match "$(cat "$W/out/failure")" "$2" "what is said of $1"
}

copy good
sallyport plugin check "$bad/good/fs-posix"

copy world-writable
chmod 666 "$bad/world-writable/fs-posix/manifest.json"
refused world-writable 'writable'
copy object-writable
chmod 666 "$bad"/object-writable/fs-posix/*.so
refused object-writable 'writable'
copy climbing 's|fs-posix\.so|../../good/fs-posix/fs-posix.so|'
refused climbing '\.\.'
copy absolute "s|fs-posix\\.so|$bad/good/fs-posix/fs-posix.so|"
refused absolute '[Rr]elative|absolute|library'
copy linked
mv "$bad/linked/fs-posix/fs-posix.so" "$W/elsewhere.so"
ln -s "$W/elsewhere.so" "$bad/linked/fs-posix/fs-posix.so"
refused linked '[Ss]ymbolic link|symlink|link'
copy no-object
rm "$bad"/no-object/fs-posix/*.so
refused no-object 'fs-posix\.so'
copy not-an-object
echo 'not an object' >"$bad/not-an-object/fs-posix/fs-posix.so"
refused not-an-object 'fs-posix\.so'
copy empty-object
: >"$bad/empty-object/fs-posix/fs-posix.so"
refused empty-object 'fs-posix\.so'
copy lying 's|"version": *"[^"]*"|"version": "99.0.0"|'
refused lying 'version'
copy other-interface 's|sallyport\.fs/1|sallyport.auth/1|'
refused other-interface 'interface|sallyport\.'
copy duplicate '0,/{/s//{ "name": "twice",/'
refused duplicate '[Dd]uplicate'
copy truncated
head -c 40 "$bad/good/fs-posix/manifest.json" >"$bad/truncated/fs-posix/manifest.json"
refused truncated 'manifest\.json'
copy deep
"$PYTHON" -c 'print("{\"a\":" + "[" * 10000 + "]" * 10000 + "}")' >"$bad/deep/fs-posix/manifest.json"
refused deep 'manifest\.json'
copy huge
"$PYTHON" -c 'print("{\"a\": \"" + "x" * 100000000 + "\"}")' >"$bad/huge/fs-posix/manifest.json"
refused huge 'manifest\.json|large|size'
copy directory
rm "$bad/directory/fs-posix/manifest.json"
mkdir "$bad/directory/fs-posix/manifest.json"
refused directory 'manifest\.json'

use() # NAME
{
    configure "{\"plugin_directories\": [\"$bad/$1\", \"$PLUGIN_DIR\"]}"
}
use good
sallyport check "$W/config.json"
use world-writable
expect_failure sallyport check "$W/config.json"
expect_match "$(cat "$W/out/failure")" 'world-writable/fs-posix' "what check says"
for name in world-writable lying truncated not-an-object; do
    use $name
    expect_failure timeout 60 "$DAEMON" --config "$W/config.json"
    expect_match "$(cat "$W/out/failure")" "$name/fs-posix" "what the daemon says of $name"
done
use good
daemon_start
raw <<<'others_are_served()'
use lying
expect_failure reload
expect_match "$(cat "$W/out/failure")" 'lying/fs-posix' "what reload says"
raw <<<'others_are_served()'
