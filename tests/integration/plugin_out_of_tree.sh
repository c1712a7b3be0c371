# A plugin built with nothing but the installed SDK, by CMake and by pkg-config, serves a client.
. "$(dirname "$0")/lib.sh"
need cmake cc pkg-config

template=$SALLYPORT_PREFIX/share/sallyport/template
[ -d "$template" ] || skip "the SDK has no template"
cp -r "$template" "$W/mine"
cmake -S "$W/mine" -B "$W/mine/build" -DCMAKE_PREFIX_PATH="$SALLYPORT_PREFIX" >"$W/out/cmake"
cmake --build "$W/mine/build" >>"$W/out/cmake" || { cat "$W/out/cmake"; fail "the build"; }
sallyport plugin check "$(dirname "$(find "$W/mine/build" -name manifest.json)")"
