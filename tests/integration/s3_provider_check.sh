# The check of all storage providers on fs-s3, as it is built, against a store; what a store of objects
# cannot do is named here.
# seconds: 180
. "$(dirname "$0")/lib.sh"
. "$TESTS/support/object_store.sh"
need cc pkg-config
store_start
use_store '{"setstat": "metadata"}'
"$PYTHON" - "$PLUGIN_DIR/fs-s3/manifest.json" "$W/s3.json" >"$W/complete.json" <<'END'
import json, sys
manifest, given = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
config = {key: value["default"] for key, value in manifest["configuration"]["properties"].items()
          if "default" in value}
print(json.dumps(config | given))
END
sanitize=
! nm -D "$PLUGIN_DIR/fs-s3/fs-s3.so" | grep __asan_init >/dev/null || sanitize=-fsanitize=address,undefined
export PKG_CONFIG_PATH=$(dirname "$(find "$SALLYPORT_PREFIX" -name sallyport-test-host.pc)")
cc -Wall -Werror $sanitize -o "$W/runner" "$TESTS/support/provider_runner.c" \
    $(pkg-config --cflags --libs sallyport-test-host) -ldl
# An object is written from its beginning to its end and seen when it is whole; directories are no more
# than names with a "/"; and XML, in which lists come, has no word for control characters.
cannot=(write_anywhere keep_what_is_open copy_nothing_onto_itself put_nothing_where_no_directory_is
    bear_a_directory_that_goes take_odd_names)
check() # EXCEPT...
{
    "$W/runner" "$PLUGIN_DIR/fs-s3/fs-s3.so" "$(cat "$W/complete.json")" "" "$@" 2>&1
}
check "${cannot[@]}" || fail "fs-s3 does not behave"
