# A plugin built with nothing but the installed SDK (its template), by CMake with its own test and by
# pkg-config with one compiler call, is loaded and asked.
. "$(dirname "$0")/lib.sh"
need cmake ninja cc pkg-config

cp -r "$SALLYPORT_PREFIX/share/sallyport/template" "$W/mine"
logged()
{
    "$@" >"$W/out/build" 2>&1 || { cat "$W/out/build"; fail "$*"; }
}
logged cmake -G Ninja -S "$W/mine" -B "$W/mine/build" -DCMAKE_PREFIX_PATH="$SALLYPORT_PREFIX"
logged cmake --build "$W/mine/build"
logged ctest --test-dir "$W/mine/build" --no-tests=error
by_cmake=$(dirname "$(dirname "$(find "$W/mine/build" -name my-plugin.so)")")

mkdir -p "$W/plain/my-plugin"
cp "$W/mine/manifest.json" "$W/plain/my-plugin/"
PKG_CONFIG_PATH=$(dirname "$(find "$SALLYPORT_PREFIX" -name sallyport-plugin.pc)")
export PKG_CONFIG_PATH
logged cc -shared -fPIC $(pkg-config --cflags --libs sallyport-plugin) \
    -o "$W/plain/my-plugin/my-plugin.so" "$W/mine/my-plugin.c"

add_user guest
for directory in "$by_cmake" "$W/plain"; do
    sallyport plugin check "$directory/my-plugin"
    configure "{\"plugin_directories\": [\"$directory\", \"$PLUGIN_DIR\"],
        \"plugins\": [
            {\"name\": \"users\", \"plugin\": \"auth-file\",
             \"config\": {\"users_file\": \"$W/users.json\"}},
            {\"name\": \"shell\", \"plugin\": \"exec-shell\"}, {\"name\": \"my-plugin\"}],
        \"chains\": {\"auth\": [\"my-plugin\", \"users\"]}, \"mounts\": null}"
    daemon_start
    raw <<'END'
for name, outcome in (("guest", False), (USER, True)):
    c = client()
    c.service()
    check(c.password(name, PASSWORD) == outcome, f"the plugin was not asked about {name}")
END
    wait_log 'a guest was turned away'
    daemon_stop
    rm "$W/log"
done
