# T81: plugins that lack the symbol, are of another ABI, disagree with their manifest, fail or crash as
# they load: named by `plugin check`, refused by a reload that leaves the daemon as it was, and a
# reason not to start.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/other-abi" ] || skip "the build has no misbehaving plugins"
expect_crashes # of workers that never become ready
SANITIZER_OPTIONS+=:detect_leaks=0 # which needs system calls that the filter of an isolated plugin refuses
daemon_start
workers=$(worker_pids)
cp "$W/config.json" "$W/good.json"

for plugin in missing-symbol undefined-symbol other-abi short-struct disagrees not-elf create-fails \
    crash-in-constructor; do
    case $plugin in
    create-fails) ;; # a check creates nothing
    *) expect_failure timeout 60 "$SALLYPORT_PREFIX/bin/sallyport" plugin check \
        "$SALLYPORT_BUILD_PLUGINS/$plugin" ;;
    esac
    for isolation in process in-process; do
        configure "{\"plugins\": [{\"name\": \"fault\", \"plugin\": \"$plugin\",
            \"isolation\": \"$isolation\"}], \"chains\": null, \"mounts\": null}"
        expect_failure reload
    done
    raw <<<'others_are_served()'
    expect_equal "$(worker_pids)" "$workers" "workers after a reload with $plugin"
    sed 's|"state_directory": ".*"|"state_directory": "'"$W/other"'"|' "$W/config.json" \
        >"$W/alone.json"
    expect_failure timeout 60 "$DAEMON" --config "$W/alone.json"
    cp "$W/good.json" "$W/config.json"
done
